/**
 * How a connection to a broker is opened: addresses, heartbeats, time-outs.
 *
 * @module
 */
import { connect, type ChannelModel } from "amqplib";
import { checkNames, checkNumber, shown } from "../../internal/check.ts";
import { systemRandom, type Random } from "../../time/index.ts";

/** How a connection is opened, and opened again. */
export interface AmqpConnectOptions {
  /**
   * What amqplib's `connect` takes beside an address: certificates, `credentials`, `clientProperties`. Default: `noDelay`,
   * without which small messages wait for each other, and a `connection_name` for the broker's lists.
   */
  readonly socketOptions?: Readonly<Record<string, unknown>> | undefined;
  /**
   * How often the broker must give a sign of life, 1 s to an hour, in whole seconds; after two without one the connection is
   * given up. Default: 10 s, so that a frozen broker is noticed within 30 s. A `heartbeat` in the address goes before it.
   */
  readonly heartbeatMs?: number | undefined;
  /** How long opening may take, handshake included, 10 ms to 2 minutes. Default: 5 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long until a connection that was lost is opened again. Default: those of `ReconnectOptions`. */
  readonly reconnect?: ReconnectOptions | undefined;
  /** Spreads reconnections, and deliveries that come again. Default: the machine's chance. */
  readonly random?: Random | undefined;
}

/** The waits between tries to open a connection again: each is drawn from 0 to a width that doubles. */
export interface ReconnectOptions {
  /** The first width, 1 ms to a minute. Default: 100 ms. */
  readonly delayMs?: number | undefined;
  /** The largest width, 1 ms to an hour. Default: 10 s: a thousand clients then come back over as many seconds. */
  readonly maxDelayMs?: number | undefined;
}

/** The names of those options. */
export const CONNECT: readonly string[] = ["socketOptions", "heartbeatMs", "connectTimeoutMs", "reconnect", "random"];

/** Connect options with every default filled in. */
export interface ConnectSettings {
  readonly socketOptions: Readonly<Record<string, unknown>>;
  readonly heartbeatSeconds: number;
  readonly connectTimeoutMs: number;
  readonly delayMs: number;
  readonly maxDelayMs: number;
  readonly random: Random;
}

/** @throws {RangeError | TypeError} when an option is wrong. */
export function connectSettings(options: AmqpConnectOptions, name: string): ConnectSettings {
  const { socketOptions = {}, heartbeatMs = 10_000, connectTimeoutMs = 5000, reconnect = {} } = options;
  if (typeof socketOptions !== "object" || socketOptions === null)
    throw new TypeError(`socketOptions should be an object, got ${shown(socketOptions)}`);
  if ("recovery" in socketOptions)
    throw new TypeError("socketOptions should hold no recovery: connections are opened again here, see reconnect");
  checkNames("reconnect", reconnect, ["delayMs", "maxDelayMs"]);
  const { delayMs = 100, maxDelayMs = 10_000 } = reconnect;
  checkNumber("heartbeatMs", heartbeatMs, { min: 1000, max: 3_600_000 });
  const { clientProperties } = socketOptions as { readonly clientProperties?: object };
  return {
    socketOptions: {
      noDelay: true,
      ...socketOptions,
      clientProperties: { connection_name: `servicekit ${name}`, ...clientProperties },
    },
    heartbeatSeconds: Math.ceil(heartbeatMs / 1000),
    connectTimeoutMs: checkNumber("connectTimeoutMs", connectTimeoutMs, { min: 10, max: 120_000 }),
    delayMs: checkNumber("reconnect.delayMs", delayMs, { min: 1, max: 60_000 }),
    maxDelayMs: checkNumber("reconnect.maxDelayMs", maxDelayMs, { min: 1, max: 3_600_000 }),
    random: options.random ?? systemRandom,
  };
}

/** Where a broker is. */
export interface Place {
  /** For the library; it may hold a password. */
  readonly url: string;
  /** For people: without user and password. */
  readonly shown: string;
}

/** @throws {RangeError} when `address` is no amqp or amqps URL; it is not quoted, since it may hold a password. */
export function brokerOf(name: string, address: unknown, { heartbeatSeconds }: ConnectSettings): Place {
  const url = typeof address === "string" && URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== "amqp:" && url.protocol !== "amqps:") || url.hostname === "")
    throw new RangeError(`${name} should be the URL of a broker, amqp://user:password@host:5672/virtual-host`);
  if (!url.searchParams.has("heartbeat")) url.searchParams.set("heartbeat", String(heartbeatSeconds));
  return { url: url.href, shown: `${url.protocol}//${url.host}${url.pathname === "/" ? "" : url.pathname}` };
}

/** Opens a connection. */
export function opened({ url }: Place, { socketOptions, connectTimeoutMs }: ConnectSettings): Promise<ChannelModel> {
  return connect(url, { ...socketOptions, timeout: connectTimeoutMs });
}

/** What of a connection the library does not show. Where it moves, the process only stays up longer. */
interface Inside {
  readonly stream?: { ref?(): void; unref?(): void; destroy?(error: Error): void };
  readonly heartbeater?: { readonly sendTimer?: { unref?(): void }; readonly recvTimer?: { unref?(): void } } | null;
}

/** Whether the process stays up for this connection. Its heartbeats are no reason to. */
export function holdProcess(model: ChannelModel, isHeld: boolean): void {
  const { stream, heartbeater } = model.connection as Inside;
  heartbeater?.sendTimer?.unref?.();
  heartbeater?.recvTimer?.unref?.();
  if (isHeld) stream?.ref?.();
  else stream?.unref?.();
}

/** Ends a connection without a word to a broker that may not listen; the library hears of it as of any other end. */
export function cut(model: ChannelModel): void {
  const { stream } = model.connection as Inside;
  if (stream?.destroy === undefined) model.close().catch(() => undefined);
  else stream.destroy(new Error("cut"));
}
