/**
 * Who is there: the instances of a service, from a registry or a list, and how an instance makes itself known.
 *
 * @module
 */
export { instance, type Instance, type InstanceHealth, type InstanceInput } from "./instance.ts";
export type { Explanation, Listing, ListingChange, ListingState, Source, SourceEvent } from "./source.ts";
export type { LossGuardOptions, SourceOptions } from "./source-options.ts";
export { fixed } from "./fixed.ts";
export { filtered, type FilterOptions } from "./filtered.ts";
export { merged, type MergeOptions } from "./merged.ts";
export { registrar, type InstanceUpdate, type Registrar } from "./registrar.ts";
export type { RegistrarEvent, RegistrarOptions, Registration, RegistrationState } from "./registrar-options.ts";

// For people who write sources for a registry of their own.
export { source, type SourceDefinition } from "./make-source.ts";
export { polled, type PollAnswer, type PollOptions } from "./polled.ts";
export { sourceOptionNames, sourceOptions } from "./source-options.ts";
export { registrarOptionNames, registrarOptions } from "./registrar-options.ts";
export type { Snapshot } from "./snapshot.ts";
export { LostRegistration, type Announcer, type Watch, type WatchSession } from "./watch.ts";
