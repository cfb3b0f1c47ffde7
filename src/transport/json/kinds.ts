/**
 * Kinds of values that are written without a call to their writer. Plain numbers, because they are compared for every
 * field of every message.
 *
 * @module
 */

/** Whatever needs its writer. */
export const OTHER = 0;
export const INTEGER = 1;
export const NUMBER = 2;
export const STRING = 3;
export const BOOLEAN = 4;
/** What JSON.stringify alone decides about. */
export const ANY = 5;
