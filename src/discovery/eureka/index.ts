/**
 * Eureka: the instances of a service, and an instance that keeps its lease.
 *
 * @module
 */
export { eureka, eurekaRegistrar, type EurekaOptions, type EurekaRegistrarOptions } from "./eureka.ts";
export type { EurekaAnnouncement } from "./announce-eureka.ts";
export type { EurekaConnection } from "./connection.ts";
export type { EurekaQuery } from "./watch-eureka.ts";
