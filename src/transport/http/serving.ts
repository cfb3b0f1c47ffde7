/**
 * What decides how requests are served, whoever accepts the connections.
 *
 * @module
 */
import { shown } from "../../internal/check.ts";
import { checkCodec, json, type Codec } from "../codec.ts";
import { HOOKS, hooksOf, type Hooks } from "../hooks.ts";
import { limitsOf, type LimitOptions, type Limits } from "../limits.ts";
import { corsOf, type Cors, type CorsOptions } from "./cors.ts";
import { healthPaths, type HealthPaths } from "./health.ts";
import { compressSettings, type CompressOptions, type CompressSettings } from "./compression.ts";
import type { HttpReply, HttpRequest } from "./message.ts";
import { checkPages, type Pages } from "./page.ts";
import type { Routes } from "./routes.ts";
import { streamSettings, type StreamOptions, type StreamSettings } from "./stream-plan.ts";

/** What an HTTP server or handler may be told about its methods. */
export interface ServingOptions extends Hooks<HttpRequest, HttpReply> {
  /** REST bindings of services. Default: none, each method is `POST /service/method`. */
  readonly routes?: readonly Routes[] | undefined;
  /** What bodies may be written in; the first is the default. Default: JSON alone. */
  readonly codecs?: readonly [Codec, ...Codec[]] | undefined;
  /** Bounds of messages. Default: those of `LimitOptions`. */
  readonly limits?: LimitOptions | undefined;
  /** Where probes are answered, with `{"ok":true}` or a 503; false for nowhere. Default: /livez, /readyz, /startupz. */
  readonly health?: HealthPaths | false | undefined;
  /** What is answered beside the methods: documents, pages. Methods go first. Default: nothing. */
  readonly pages?: readonly Pages[] | undefined;
  /** Which pages of other origins may read answers. Default: none. */
  readonly cors?: CorsOptions | undefined;
  /** How the answers of streaming methods are kept up. Default: those of `StreamOptions`. */
  readonly streams?: StreamOptions | undefined;
  /**
   * Whether answers are compressed, as far as the peer accepts it. Default: false: between services of one network it costs
   * more time than the bytes it saves, and text that a stranger chooses beside a secret tells the secret by its length.
   * Turn it on at an edge, where clients are far away.
   */
  readonly compress?: CompressOptions | boolean | undefined;
}

/** The names of the serving options. */
export const SERVING: readonly string[] = [
  "routes",
  "codecs",
  "limits",
  "health",
  "pages",
  "cors",
  "streams",
  "compress",
  ...HOOKS,
];

/** Options with every default filled in. */
export interface ServingSettings {
  readonly routes: readonly Routes[];
  readonly codecs: readonly [Codec, ...Codec[]];
  readonly limits: Limits;
  readonly health: ReadonlyMap<string, keyof HealthPaths>;
  readonly hooks: Hooks<HttpRequest, HttpReply>;
  readonly pages: readonly Pages[];
  readonly cors: Cors | undefined;
  readonly streams: StreamSettings;
  readonly compress: CompressSettings | undefined;
}

/** Checks how requests are to be served, and fills in the defaults. */
export function servingSettings(options: ServingOptions): ServingSettings {
  const { routes = [], codecs = [json] } = options;
  if (!Array.isArray(codecs) || codecs.length === 0)
    throw new TypeError(`codecs should be a list of at least one codec, got ${shown(codecs)}`);
  for (const codec of codecs) checkCodec("codecs", codec);
  if (!Array.isArray(routes))
    throw new TypeError(`routes should be a list of what routes() returns, got ${shown(routes)}`);
  for (const one of routes as readonly (Partial<Routes> | undefined)[]) {
    if (!Array.isArray(one?.routes)) throw new TypeError(`routes should hold what routes() returns, got ${shown(one)}`);
  }
  return {
    routes,
    codecs,
    limits: limitsOf(options.limits),
    health: healthPaths(options.health),
    hooks: hooksOf(options),
    pages: checkPages(options.pages),
    cors: corsOf(options.cors),
    streams: streamSettings(options.streams),
    compress: compressSettings(options.compress),
  };
}
