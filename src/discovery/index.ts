/**
 * Who is there: the instances of a service, from a registry or a list, and how an instance makes itself known.
 *
 * @module
 */
export { instance, type Instance, type InstanceHealth, type InstanceInput } from "./instance.ts";
export type { Explanation, Listing, ListingChange, ListingState, Source, SourceEvent } from "./source.ts";

// For people who write sources for a registry of their own.
export { LostRegistration, type Announcer, type Watch, type WatchSession } from "./watch.ts";
