/**
 * The real policies in virtual time: described back-ends, described load, the client as it is.
 *
 * @module
 */
export {};
