/**
 * Instances from ZooKeeper, and an instance made known to it.
 *
 * @module
 */
export { zookeeper, zookeeperRegistrar, type ZookeeperOptions, type ZookeeperRegistrarOptions } from "./zookeeper.ts";
export {
  zookeeperConnection,
  type ZookeeperConnection,
  type ZookeeperConnectionOptions,
  type ZookeeperPlace,
} from "./options.ts";
export type { NodeFormat } from "./node-data.ts";

// For people who write adapters.
export { zookeeperAnnouncer, type ZookeeperAnnouncerOptions } from "./zookeeper.ts";
