/**
 * For tests: a clock that moves when told, and the behaviour suites that every implementation of an interface runs.
 *
 * @module
 */
export { settled, virtualClock, type VirtualClock, type VirtualClockOptions } from "./virtual-clock.ts";
export { plainSchema, type Fields, type FieldTypes, type ValueOf } from "./plain-schema.ts";
export {
  transportSuite,
  type Case,
  type Connected,
  type Need,
  type Property,
  type Skipped,
  type SkippedCase,
  type Surrounding,
  type TransportHarness,
} from "./transport-suite.ts";
export {
  sourceSuite,
  type InstanceField,
  type RegistryHarness,
  type RegistryNeed,
  type RegistryServer,
  type SkippedSourceCases,
  type SourceCase,
} from "./source-suite.ts";
