/**
 * Gates: what decides whether a call may go on before its body is read, for every kind of method.
 *
 * @module
 */
import type { ServiceError } from "../errors/index.ts";
import type { Context } from "./context.ts";
import type { MethodInfo } from "./method.ts";

/** A context to go on with (the same or a derived one), or the error to refuse with; now or later. */
export type Admission = Context | ServiceError;

/** Decides about a call before its body is decoded: deadline, authentication, limit, load shedding. */
export type Gate = (context: Context, method: MethodInfo) => Admission | Promise<Admission>;
