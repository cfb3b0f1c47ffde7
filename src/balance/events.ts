/**
 * What a balancer tells of.
 *
 * @module
 */
import type { Instance } from "../discovery/index.ts";

/** Which rule of ejection finds an instance too bad. */
export type Because = "consecutive" | "success_rate" | "failure_share";

/** What has happened to an instance, or to all of them. */
export type BalanceEvent =
  | { readonly kind: "added" | "removed" | "changed" | "returned"; readonly instance: Instance }
  | { readonly kind: "ejected"; readonly instance: Instance; readonly because: Because; readonly forMs: number }
  /** The cap kept it in. */
  | { readonly kind: "spared"; readonly instance: Instance; readonly because: Because }
  | { readonly kind: "panic"; readonly isOn: boolean; readonly usable: number; readonly of: number }
  /** It could not be opened, or not closed. */
  | { readonly kind: "failed"; readonly instance: Instance; readonly error: unknown };
