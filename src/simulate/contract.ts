/**
 * The contract of every simulated service: two methods, which differ in whether they may be called twice.
 *
 * @module
 */
import { method, service, type Method, type Service, type Types } from "../contract/index.ts";
import type { Schema } from "../errors/index.ts";

/** A simulated request. */
export interface SimulatedRequest {
  /** Which of the scenario's requests it is, from 0. */
  readonly id: number;
  /** `key-0` and so on: what consistent hashing may go by. */
  readonly key: string;
}

/** The types of both methods. */
export interface SimulatedTypes extends Types {
  reqIn: SimulatedRequest;
  reqOut: SimulatedRequest;
  resIn: null;
  resOut: null;
  failIn: never;
  failOut: never;
  kind: "unary";
}

/** `read` may be called twice, `write` may not. */
export type SimulatedMethods = {
  readonly read: Method<SimulatedTypes>;
  readonly write: Method<SimulatedTypes>;
};

const NOTHING = { value: null };

const request: Schema<SimulatedRequest> = {
  "~standard": { version: 1, vendor: "servicekit", validate: (value) => ({ value: value as SimulatedRequest }) },
};

const response: Schema<null> = {
  "~standard": { version: 1, vendor: "servicekit", validate: () => NOTHING },
};

/** The contract of a service of this name. */
export function simulatedService(name: string): Service<SimulatedMethods> {
  return service(name, {
    read: method({ request, response, idempotent: true }),
    write: method({ request, response }),
  });
}
