// A Kubernetes API server as far as EndpointSlices go, from the public API documents ("Kubernetes API Concepts", the
// reference of discovery.k8s.io/v1): it refuses what a real one refuses. A process of its own, so that it can be frozen and
// killed. Its data are in its memory; versions go on after a restart where its clock is.
//
// node kubernetes-fake.mjs PORT '{"token":"…","readers":{"…":["default"]},"bookmarkMs":200,"cert":"…","key":"…"}'
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { isIPv4, isIPv6 } from "node:net";
import { check, matches, selectorOf } from "./kubernetes-fake-rules.mjs";

const [, , port, json = "{}"] = process.argv;
const { token: admin = "admin", readers = {}, bookmarkMs = 60_000, cert, key } = JSON.parse(json);

/** By namespace/name. @type {Map<string, any>} */
const slices = new Map();
/** @type {{ version: number, type: string, object: any }[]} */
const events = [];
/** @type {Set<{ send(type: string, object: any): void, tell(type: string, object: any): void, end(): void }>} */
const watches = new Set();
/** Lists that are read page by page. @type {Map<string, { version: number, items: any[] }>} */
const pages = new Map();
const tokens = new Map([[admin, undefined], ...Object.entries(readers)]);
// As a store whose data were lost and came back: later than all that was before.
let version = Math.floor(Date.now() / 10);
let oldest = version;
let goneAs = "event";
let isMute = false;
let arePagesGone = false;
let counts = { lists: 0, watches: 0, refused: 0 };
/** @type {string[]} */
let rejected = [];

/** @param {number} code @param {string} reason @param {string} message */
const status = (code, reason, message) => ({
  ...{ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" },
  ...{ message, reason, code },
});

/** @param {import("node:http").ServerResponse} response @param {number} code @param {unknown} body */
function answer(response, code, body) {
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** @param {import("node:http").ServerResponse} response @param {number} code @param {[string, string]} why */
function refuse(response, code, [reason, message]) {
  counts.refused++;
  answer(response, code, status(code, reason, message));
}

const RESOURCE = {
  ...{ name: "endpointslices", singularName: "endpointslice", namespaced: true, kind: "EndpointSlice" },
  verbs: ["create", "delete", "get", "list", "update", "watch"],
};
/** What clients look up first. @type {Record<string, unknown>} */
const DISCOVERY = {
  "/version": { major: "1", minor: "30", gitVersion: "v1.30.0-fake" },
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/api/v1": { kind: "APIResourceList", groupVersion: "v1", resources: [] },
  "/apis": {
    ...{ kind: "APIGroupList", apiVersion: "v1" },
    groups: [
      {
        name: "discovery.k8s.io",
        versions: [{ groupVersion: "discovery.k8s.io/v1", version: "v1" }],
        preferredVersion: { groupVersion: "discovery.k8s.io/v1", version: "v1" },
      },
    ],
  },
  "/apis/discovery.k8s.io/v1": { kind: "APIResourceList", groupVersion: "discovery.k8s.io/v1", resources: [RESOURCE] },
};

/** @param {string} type @param {any} object */
function record(type, object) {
  events.push({ version, type, object });
  if (!isMute) for (const watch of watches) watch.send(type, object);
}

/** @param {URL} url @param {import("node:http").ServerResponse} response @param {(slice: any) => boolean} isWanted */
function list(url, response, isWanted) {
  counts.lists++;
  const limit = Number(url.searchParams.get("limit") ?? 0);
  const at = url.searchParams.get("continue");
  let [from, page] = [0, { version, items: [...slices.values()].filter(isWanted) }];
  if (at !== null && at !== "") {
    const [id, start] = Buffer.from(at, "base64url").toString().split(":");
    const known = pages.get(id ?? "");
    if (known === undefined || known.version < oldest || arePagesGone) {
      arePagesGone = false;
      return refuse(response, 410, [
        "Expired",
        "The provided continue parameter is too old to display a consistent list result.",
      ]);
    }
    [from, page] = [Number(start), known];
  }
  const items = limit > 0 ? page.items.slice(from, from + limit) : page.items;
  /** @type {Record<string, unknown>} */
  const metadata = { resourceVersion: String(page.version) };
  if (from + items.length < page.items.length) {
    const id = String(page.version);
    pages.set(id, page);
    metadata["continue"] = Buffer.from(`${id}:${from + items.length}`).toString("base64url");
    metadata["remainingItemCount"] = page.items.length - from - items.length;
  }
  answer(response, 200, { kind: "EndpointSliceList", apiVersion: "discovery.k8s.io/v1", metadata, items });
}

/** @param {URL} url @param {import("node:http").ServerResponse} response @param {(slice: any) => boolean} isWanted */
function watch(url, response, isWanted) {
  counts.watches++;
  const given = url.searchParams.get("resourceVersion") ?? "";
  if (!/^\d*$/.test(given)) return refuse(response, 400, ["BadRequest", `resourceVersion: Invalid value: "${given}"`]);
  const from = Number(given);
  if (from > version)
    return refuse(response, 504, ["Timeout", `Too large resource version: ${from}, current: ${version}`]);
  const isGone = from > 0 && from < oldest;
  const gone = status(410, "Expired", `too old resource version: ${from} (${oldest})`);
  if (isGone && goneAs === "status") return refuse(response, 410, ["Expired", gone.message]);
  response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
  /** @param {string} type @param {any} object */
  const send = (type, object) => void response.write(`${JSON.stringify({ type, object })}\n`);
  if (isGone) {
    send("ERROR", gone);
    return void response.end();
  }
  const own = {
    /** What was wanted and is no more has gone, for who watches. @param {string} type @param {any} object */
    send(type, object) {
      if (isWanted(object)) send(type, object);
    },
    tell: send,
    end: () => void response.end(),
  };
  if (from === 0) for (const object of slices.values()) own.send("ADDED", object);
  else for (const event of events) if (event.version > from) own.send(event.type, event.object);
  watches.add(own);
  const seconds = Number(url.searchParams.get("timeoutSeconds") ?? 1800 * (1 + Math.random()));
  const timer = setTimeout(own.end, seconds * 1000);
  const bookmark = setInterval(() => {
    const object = {
      kind: "EndpointSlice",
      apiVersion: "discovery.k8s.io/v1",
      metadata: { resourceVersion: String(version) },
    };
    if (url.searchParams.get("allowWatchBookmarks") === "true" && !isMute) send("BOOKMARK", object);
  }, bookmarkMs);
  response.once("close", () => {
    watches.delete(own);
    clearTimeout(timer);
    clearInterval(bookmark);
  });
}

/** @param {import("node:http").IncomingMessage} request @returns {Promise<any>} */
async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    return undefined;
  }
}

/** @param {any} given @param {string} namespace @param {any} before */
function stored(given, namespace, before) {
  version++;
  const uid = before?.metadata.uid ?? `00000000-0000-4000-8000-${String(version).padStart(12, "0")}`;
  const creationTimestamp = before?.metadata.creationTimestamp ?? new Date().toISOString();
  const metadata = { ...given.metadata, namespace, uid, creationTimestamp, resourceVersion: String(version) };
  return { kind: "EndpointSlice", apiVersion: "discovery.k8s.io/v1", ...given, metadata };
}

/** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response @param {{ namespace: string, name: string }} at */
async function change(request, response, { namespace, name }) {
  const missing = /** @type {[string, string]} */ (["NotFound", `endpointslices.discovery.k8s.io "${name}" not found`]);
  if (request.method === "POST" || request.method === "PUT") {
    const given = await bodyOf(request);
    const isNew = request.method === "POST";
    const problem = check(given, { isIPv4, isIPv6 });
    if (given === undefined) return refuse(response, 400, ["BadRequest", "the object provided is unrecognized"]);
    if (problem !== undefined) return refuse(response, 422, ["Invalid", `EndpointSlice is invalid: ${problem}`]);
    const own = `${namespace}/${given.metadata.name}`;
    const before = slices.get(own);
    if (isNew && before !== undefined)
      return refuse(response, 409, ["AlreadyExists", `endpointslices "${own}" already exists`]);
    if (!isNew && before === undefined) return refuse(response, 404, missing);
    const held = given.metadata.resourceVersion;
    if (!isNew && held !== undefined && held !== before.metadata.resourceVersion) {
      return refuse(response, 409, [
        "Conflict",
        "the object has been modified; please apply your changes to the latest version",
      ]);
    }
    const slice = stored(given, namespace, before);
    slices.set(own, slice);
    record(isNew ? "ADDED" : "MODIFIED", slice);
    return answer(response, isNew ? 201 : 200, slice);
  }
  const slice = slices.get(`${namespace}/${name}`);
  if (slice === undefined) return refuse(response, 404, missing);
  if (request.method === "GET") return answer(response, 200, slice);
  if (request.method !== "DELETE")
    return refuse(response, 405, [
      "MethodNotAllowed",
      "the server does not allow this method on the requested resource",
    ]);
  slices.delete(`${namespace}/${name}`);
  version++;
  record("DELETED", { ...slice, metadata: { ...slice.metadata, resourceVersion: String(version) } });
  answer(response, 200, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" });
}

/** What no real server has: trouble to order. @param {URL} url @param {import("node:http").ServerResponse} response */
function trouble(url, response) {
  const [, , what, value = ""] = url.pathname.split("/");
  if (what === "compact") {
    oldest = version;
    events.length = 0;
  } else if (what === "set-back") {
    version -= 1_000_000;
    oldest = version;
    events.length = 0;
    for (const watch of watches) watch.end();
  } else if (what === "expire-pages") arePagesGone = true;
  else if (what === "gone-as") goneAs = value;
  else if (what === "mute") isMute = value === "on";
  else if (what === "close-watches") for (const watch of watches) watch.end();
  // The last ones once more, the last first.
  else if (what === "repeat")
    for (const { type, object } of events.slice(-Number(value)).reverse())
      for (const watch of watches) watch.send(type, object);
  else if (what === "error")
    for (const watch of [...watches]) watch.tell("ERROR", status(Number(value), "Expired", "to order"));
  else if (what === "reject") rejected = value.split(",");
  else if (what === "reset") counts = { lists: 0, watches: 0, refused: 0 };
  answer(response, 200, { ...counts, version, open: watches.size });
}

/** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
function serve(request, response) {
  const url = new URL(request.url ?? "/", "http://fake");
  if (url.pathname.startsWith("/-/")) return trouble(url, response);
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  if (!tokens.has(bearer) || rejected.includes(bearer)) return refuse(response, 401, ["Unauthorized", "Unauthorized"]);
  const found = DISCOVERY[url.pathname];
  if (found !== undefined) return answer(response, 200, found);
  const path = /^\/apis\/discovery\.k8s\.io\/v1(?:\/namespaces\/([^/]+))?\/endpointslices(?:\/([^/]+))?$/.exec(
    url.pathname,
  );
  if (path === null) return refuse(response, 404, ["NotFound", "the server could not find the requested resource"]);
  const [, namespace = "", name = ""] = path;
  const allowed = tokens.get(bearer);
  if (allowed !== undefined && (request.method !== "GET" || !allowed.includes(namespace))) {
    const verb = request.method === "GET" ? "list" : "change";
    return refuse(response, 403, [
      "Forbidden",
      `endpointslices.discovery.k8s.io is forbidden: User cannot ${verb} resource "endpointslices" in the namespace "${namespace}"`,
    ]);
  }
  if (name !== "" || request.method !== "GET") return change(request, response, { namespace, name });
  const selector = selectorOf(url.searchParams.get("labelSelector") ?? "");
  if (typeof selector === "string") return refuse(response, 400, ["BadRequest", selector]);
  /** @param {any} slice */
  const isWanted = (slice) =>
    (namespace === "" || slice.metadata.namespace === namespace) && matches(selector, slice.metadata.labels ?? {});
  return /^(1|true)$/.test(url.searchParams.get("watch") ?? "")
    ? watch(url, response, isWanted)
    : list(url, response, isWanted);
}

/** @type {import("node:http").RequestListener} */
const listener = (request, response) => void serve(request, response);
const server =
  cert === undefined
    ? createServer(listener)
    : createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, listener);
server.listen(Number(port), "127.0.0.1");
