/**
 * The methods of a service on the wire, by who described them.
 *
 * @module
 */
import type { AnyService } from "../../contract/index.ts";
import { contractWire } from "./contract-wire.ts";
import { generatedWire } from "./generated-wire.ts";
import type { WireMethod, WireOptions } from "./wire-method.ts";

/** The unary methods of a service, by their names. */
export function wiresOf(service: AnyService, how: WireOptions): ReadonlyMap<string, WireMethod> {
  const theirs = how.foreign.find((one) => one.service.methods === service.methods);
  return theirs?.["~wires"] ?? generatedWire(service) ?? contractWire(service, how);
}
