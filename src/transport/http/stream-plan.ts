/**
 * What HTTP prepares once per streaming method: how its messages are read and written, and how a reader comes back.
 *
 * @module
 */
import { checkNames, checkNumber } from "../../internal/check.ts";
import { policyError } from "../../errors/index.ts";
import type { AnyMethod, JsonSchemaObject } from "../../contract/index.ts";
import type { MethodInfo } from "../../endpoint/index.ts";
import { json, schemaOf } from "../codec.ts";
import { stringCoercer } from "../json/coerce.ts";
import { formsOf } from "../json/form.ts";
import type { WriteReason } from "../json/writer.ts";
import type { Limits } from "../limits.ts";
import { ERROR_KEY, ERROR_LINE } from "./frames.ts";
import type { Assemble } from "./plan.ts";
import type { Route } from "./routes.ts";

/** How the answers of streaming methods are kept up. */
export interface StreamOptions {
  /**
   * How long nothing may be said before a comment is sent to those who read Server-Sent Events, 10 ms to an hour.
   * Default: 15 s, well below the minute after which proxies close what looks idle.
   */
  readonly heartbeatMs?: number | undefined;
  /** How long a browser waits before it comes back, 0 to an hour. Default: unsaid; browsers take about 3 s. */
  readonly retryMs?: number | undefined;
}

/** The same with every default filled in. */
export interface StreamSettings {
  readonly heartbeatMs: number;
  readonly retryMs: number | undefined;
}

const HOUR_MS = 3_600_000;

/** Checks how streams are kept up. */
export function streamSettings(options: StreamOptions = {}): StreamSettings {
  checkNames("streams", options, ["heartbeatMs", "retryMs"]);
  const { heartbeatMs = 15_000, retryMs } = options;
  return {
    heartbeatMs: checkNumber("streams.heartbeatMs", heartbeatMs, { min: 10, max: HOUR_MS }),
    retryMs:
      retryMs === undefined
        ? undefined
        : checkNumber("streams.retryMs", retryMs, { min: 0, max: HOUR_MS, integer: true }),
  };
}

/** Which fields let a reader come back: the answer's that names it, and the request's that says after which to go on. */
export interface Events {
  readonly id: string;
  readonly resume: string;
}

/** How one streaming method is served over HTTP. */
export interface StreamPlan extends StreamSettings {
  /** Whether the peer sends many messages. */
  readonly takesMany: boolean;
  /** Whether it is answered with many. */
  readonly answersMany: boolean;
  /** Reads one message of the request. */
  read(text: string): unknown;
  /** Writes one message of the answer, without its frame. */
  write(value: unknown): string;
  readonly events: Events | undefined;
}

/** What a stream's plan is made for. */
export interface StreamFor {
  readonly info: MethodInfo;
  readonly method: AnyMethod;
  readonly route: Route | undefined;
}

/**
 * Prepares a streaming method; undefined for one that is not.
 *
 * @throws {RangeError | TypeError} when its messages or its route cannot be a stream's.
 */
export function streamPlan(
  { info, method, route }: StreamFor,
  settings: { readonly limits: Limits; readonly streams: StreamSettings },
): StreamPlan | undefined {
  if (info.kind === "unary") return undefined;
  const where = `${info.service}.${info.name}`;
  const takesMany = info.kind !== "server";
  const answersMany = info.kind !== "client";
  checkStreamRoute(route, method, where);
  const read = json.reader(method.request, settings.limits);
  return {
    ...settings.streams,
    takesMany,
    answersMany,
    read: read as (text: string) => unknown,
    write: answersMany ? messageWriter(method, where) : () => "",
    events: route?.events,
  };
}

/** Writes one message of an answer; none may look like the line of a failure. */
function messageWriter(method: AnyMethod, where: string): (value: unknown) => string {
  checkMessages(method, where);
  const write = json.writer(method.response, `${where} response`) as (value: unknown) => string;
  return function writeMessage(value) {
    const text = write(value);
    if (!text.startsWith(ERROR_LINE)) return text;
    throw policyError("invalid_response", { cause: new RangeError(`${where}: a message may not be a ${ERROR_KEY}`) });
  };
}

/** Writes one message of a request. */
export function requestWriter(method: AnyMethod, where: string): (value: unknown) => string {
  const reason: WriteReason = "invalid_request";
  return json.writer(method.request, `${where} request`, reason) as (value: unknown) => string;
}

/** @throws {RangeError} when the messages of an answer declare the key that stands for a failure. */
export function checkMessages(method: AnyMethod, where: string): void {
  const schema = schemaOf(method.response, `${where} response`);
  const forms = formsOf(schema, { root: schema, where });
  if (forms.some((form) => form.kind === "object" && form.fields.some(({ name }) => name === ERROR_KEY)))
    throw new RangeError(`${where} response should not declare "${ERROR_KEY}": in a stream it stands for an error`);
}

/** @throws {RangeError} when a route binds what a stream does not have. */
export function checkStreamRoute(route: Route | undefined, method: AnyMethod, where: string): void {
  if (route === undefined) return;
  const { kind, response, request } = method;
  const bindsFields = route.params.length > 0 || Object.keys(route.header).length > 0 || (route.query ?? []).length > 0;
  if (kind !== "server" && kind !== "unary" && (bindsFields || route.body !== "*"))
    throw new RangeError(`the route of ${where} should have a body and nothing else, its requests are a stream`);
  if ((kind === "server" || kind === "bidi") && (route.status === 204 || route.status === 205))
    throw new RangeError(`the route of ${where} should have a status with a body, its answer is a stream`);
  if (route.events === undefined) return;
  if (kind !== "server") throw new RangeError(`the route of ${where} has events, which only a server stream has`);
  for (const [shape, field, side] of [
    [response, route.events.id, "response"],
    [request, route.events.resume, "request"],
  ] as const) {
    const { properties } = schemaOf(shape, `${where} ${side}`) as { readonly properties?: object };
    if (properties !== undefined && !Object.hasOwn(properties, field))
      throw new RangeError(`the events of ${where} should name a field of the ${side}, "${field}" is none`);
  }
}

/** Lets a reader go on where it was: what `Last-Event-ID` says becomes a field of the request. */
export function resuming(assemble: Assemble | undefined, { resume }: Events, { info, method }: StreamFor): Assemble {
  const where = `${info.service}.${info.name} request`;
  const schema = schemaOf(method.request, where);
  const { properties } = schema as { readonly properties?: Readonly<Record<string, JsonSchemaObject>> };
  const coerce = stringCoercer(properties?.[resume] ?? true, `${where}.${resume}`, schema);
  return function assembleResumed(source, body) {
    const wire = assemble === undefined ? body : assemble(source, body);
    const last = source.request.header(LAST_EVENT_ID);
    if (last === undefined || last === "" || typeof wire !== "object" || wire === null) return wire;
    return { ...wire, [resume]: coerce([utf8Of(last)]) };
  };
}

// Browsers send the octets of its UTF-8, and headers are read octet by octet.
function utf8Of(octets: string): string {
  if (!/[\x80-\xff]/.test(octets)) return octets;
  return new TextDecoder().decode(Uint8Array.from(octets, (one) => one.charCodeAt(0)));
}

/** What a reader sends that comes back (WHATWG HTML §9.2.4). */
export const LAST_EVENT_ID = "last-event-id";
