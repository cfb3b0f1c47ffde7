/**
 * Names of headers that are this transport's own.
 *
 * @module
 */

/** The service that is called, where a server has several: names of methods are their own within it. */
export const SERVICE = "thrift-service";
