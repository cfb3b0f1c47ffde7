/**
 * How a contract made by `proto()` is known, and where it comes from.
 *
 * @module
 */
import type { DescService } from "@bufbuild/protobuf";
import type { AnyService } from "../../contract/index.ts";

/** Where such a contract holds its descriptor; the command `servicekit` has another copy of this file. */
export const DESC: unique symbol = Symbol.for("servicekit.proto") as never;

/** The descriptor of a contract made by `proto()`, undefined of any other. */
export function descOf(service: AnyService): DescService | undefined {
  return (service as { readonly [DESC]?: DescService })[DESC];
}
