/**
 * Instances from ZooKeeper, and an instance made known to it.
 *
 * @module
 */
export {
  zookeeper,
  zookeeperRegistrar,
  type NodeFormat,
  type ZookeeperOptions,
  type ZookeeperRegistrarOptions,
} from "./zookeeper.ts";
export {
  zookeeperConnection,
  type ZookeeperConnection,
  type ZookeeperConnectionOptions,
  type ZookeeperPlace,
} from "./options.ts";

// For people who write adapters.
export { zookeeperAnnouncer, type ZookeeperAnnouncerOptions } from "./zookeeper.ts";
