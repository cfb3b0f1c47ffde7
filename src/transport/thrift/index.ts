/**
 * Apache Thrift: servers and clients of any contract, and of services that the Apache compiler generated. Needs the package
 * `thrift`, an optional peer of this one.
 *
 * @module
 */
export {};
