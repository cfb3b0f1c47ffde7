/**
 * Consul: the instances of a service by blocking queries, and an instance that makes itself known to the agent on its
 * machine.
 *
 * @module
 */
export { consul, consulRegistrar, type ConsulOptions, type ConsulRegistrarOptions } from "./consul.ts";
export type { ConsulAnnouncement } from "./announce-consul.ts";
export type { ConsulCheck } from "./checks.ts";
export type { ConsulConnection } from "./connection.ts";
export type { ConsulQuery } from "./watch-consul.ts";
