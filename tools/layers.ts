/**
 * The arrows between the rooms of `src/`: who may import whom, types too. ARCHITECTURE.md shows the same table and a test
 * keeps the two equal, and both true.
 *
 * @module
 */

/** Rooms of one height and what they may import; a room may always import itself. */
export interface Layer {
  readonly layer: number;
  readonly rooms: readonly string[];
  /**
   * Layers (`"3"`, `"0-4"`) and single rooms. A room with sub-rooms names only its own files: `transport` is not
   * `transport/http`.
   */
  readonly mayUse: readonly string[];
}

/** The file src/index.ts: not a folder, but a room all the same. No layer's number stands for it: nobody may import it. */
export const INDEX = "index.ts";

/** From the ground up. Nothing may use `testing`, except tests. */
export const layers: readonly Layer[] = [
  { layer: 0, rooms: ["internal"], mayUse: [] },
  { layer: 1, rooms: ["time"], mayUse: ["0"] },
  { layer: 2, rooms: ["errors"], mayUse: ["0-1"] },
  { layer: 3, rooms: ["endpoint"], mayUse: ["0-2"] },
  { layer: 4, rooms: ["contract"], mayUse: ["0-3"] },
  { layer: 4, rooms: [INDEX], mayUse: ["2-4"] },
  { layer: 5, rooms: ["jsonschema", "log", "metrics", "trace", "ratelimit", "resilience", "health"], mayUse: ["0-4"] },
  { layer: 5, rooms: ["discovery"], mayUse: ["0-4", "log", "metrics"] },
  {
    layer: 5,
    rooms: ["discovery/http", "discovery/file", "discovery/dns", "discovery/zookeeper"],
    mayUse: ["0-4", "discovery"],
  },
  {
    layer: 5,
    rooms: ["discovery/consul", "discovery/etcd", "discovery/eureka", "discovery/kubernetes"],
    mayUse: ["0-4", "discovery", "discovery/http"],
  },
  { layer: 5, rooms: ["balance"], mayUse: ["0-4", "discovery"] },
  { layer: 6, rooms: ["transport"], mayUse: ["0-5"] },
  { layer: 6, rooms: ["transport/local", "transport/http", "transport/protobuf"], mayUse: ["0-5", "transport"] },
  { layer: 6, rooms: ["transport/jsonrpc"], mayUse: ["0-5", "transport", "transport/http"] },
  {
    layer: 6,
    rooms: ["transport/fetch", "transport/multipart", "transport/websocket"],
    mayUse: ["0-5", "transport", "transport/http"],
  },
  { layer: 6, rooms: ["transport/grpc"], mayUse: ["0-5", "transport", "transport/http", "transport/protobuf"] },
  { layer: 6, rooms: ["transport/nats", "transport/amqp", "transport/thrift"], mayUse: ["0-5", "transport"] },
  { layer: 7, rooms: ["run"], mayUse: ["0-5", "transport"] },
  { layer: 7, rooms: ["documents"], mayUse: ["0-5", "transport", "transport/http", "transport/jsonrpc"] },
  { layer: 7, rooms: ["debug"], mayUse: ["0-5", "transport", "transport/http"] },
  { layer: 7, rooms: ["otlp", "zipkin", "opentelemetry"], mayUse: ["0-5"] },
  { layer: 8, rooms: ["server", "client"], mayUse: ["0-5", "transport", "run"] },
  { layer: 9, rooms: ["testing", "simulate"], mayUse: ["0-8"] },
  { layer: 9, rooms: ["cli"], mayUse: ["0-8", "simulate"] },
];

/** Packages that a room may import; no other room may, and no room any other. Node's own modules are weighed elsewhere. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  "transport/protobuf": ["@bufbuild/protobuf"],
  "transport/grpc": ["@bufbuild/protobuf"],
  "transport/nats": ["@nats-io/transport-node"],
  "transport/amqp": ["amqplib"],
  "transport/websocket": ["ws"],
  documents: ["swagger-ui-dist"],
  jsonschema: ["@cfworker/json-schema"],
  opentelemetry: ["@opentelemetry/api"],
};

const rooms: readonly string[] = layers.flatMap((layer) => layer.rooms);

/** The room that a file of `src/` belongs to (`errors/code.ts` to `errors`), or undefined when it stands in none. */
export function roomOf(file: string): string | undefined {
  if (file === INDEX) return INDEX;
  const folders = file.split("/").slice(0, -1);
  while (folders.length > 0) {
    const room = folders.join("/");
    if (rooms.includes(room)) return room;
    folders.pop();
  }
  return undefined;
}

/** Whether a file in room `from` may import a file of room `to`. */
export function mayImport(from: string, to: string): boolean {
  return (
    from === to || (layers.find(({ rooms }) => rooms.includes(from))?.mayUse.some((use) => covers(use, to)) ?? false)
  );
}

function covers(use: string, room: string): boolean {
  const range = /^(\d+)(?:-(\d+))?$/.exec(use);
  if (range === null) return use === room;
  const [low, high] = [Number(range[1]), Number(range[2] ?? range[1])];
  const height = layers.find(({ rooms }) => rooms.includes(room))?.layer;
  return room !== INDEX && height !== undefined && height >= low && height <= high;
}

/** The table as it stands in ARCHITECTURE.md. */
export function layersTable(): string {
  const code = (names: readonly string[]): string =>
    names.map((name) => (/^\d/.test(name) ? name : `\`${name}\``)).join(", ") || "nothing";
  const rows = layers.map(({ layer, rooms, mayUse }) => `| ${layer} | ${code(rooms)} | ${code(mayUse)} |`);
  return ["| layer | rooms | may use |", "|---|---|---|", ...rows].join("\n");
}
