/**
 * The bounds of one span: a loop in a handler must not grow a span without end.
 *
 * @module
 */
export const MAX_ATTRIBUTES = 32;
export const MAX_EVENTS = 32;
export const MAX_LINKS = 32;
export const MAX_VALUE_CHARS = 1024;
export const MAX_NAME_CHARS = 128;
