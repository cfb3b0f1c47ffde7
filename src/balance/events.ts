/**
 * What a balancer tells of.
 *
 * @module
 */
import type { Instance } from "../discovery/index.ts";

/** What has happened to an instance, or to all of them. */
export type BalanceEvent =
  | { readonly kind: "added" | "removed" | "changed"; readonly instance: Instance }
  | {
      readonly kind: "ejected";
      readonly instance: Instance;
      readonly because: "consecutive" | "success_rate" | "failure_share";
      readonly forMs: number;
    }
  /** The cap kept it in. */
  | {
      readonly kind: "spared";
      readonly instance: Instance;
      readonly because: "consecutive" | "success_rate" | "failure_share";
    }
  | { readonly kind: "returned"; readonly instance: Instance }
  | { readonly kind: "panic"; readonly isOn: boolean; readonly usable: number; readonly of: number }
  | { readonly kind: "failed"; readonly instance: Instance; readonly error: unknown };
