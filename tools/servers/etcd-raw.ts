/**
 * etcd asked by hand, for tests: what our own client writes is read, and the other way round.
 *
 * @module
 */

/** A key as it stands there. */
export interface RawKey {
  readonly key: string;
  readonly value: string;
  readonly lease: string;
}

/** Asks etcd's JSON gateway; with a token of a user where it needs one. */
export async function ask(
  to: string | { readonly url: string; readonly token: string },
  path: string,
  body: object,
): Promise<Record<string, unknown>> {
  const { url, token } = typeof to === "string" ? { url: to, token: undefined } : to;
  const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
  const answer = await fetch(url + path, { method: "POST", body: JSON.stringify(body), headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** Writes a key. */
export async function put(url: string, key: string, value: string): Promise<void> {
  await ask(url, "/v3/kv/put", { key: base64(key), value: base64(value) });
}

/** Deletes a key. */
export async function deleted(url: string, key: string): Promise<void> {
  await ask(url, "/v3/kv/deleterange", { key: base64(key) });
}

/** All keys that begin with a text. */
export async function keysOf(to: Parameters<typeof ask>[0], prefix: string): Promise<readonly RawKey[]> {
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  const { kvs = [] } = await ask(to, "/v3/kv/range", { key: base64(prefix), range_end: base64(end) });
  return (kvs as readonly Partial<RawKey>[]).map(({ key, value, lease }) => ({
    key: text(key),
    value: text(value),
    lease: lease ?? "0",
  }));
}

/** Drops all that etcd remembers of before now. */
export async function compacted(url: string): Promise<void> {
  const { header } = (await ask(url, "/v3/kv/range", { key: base64("none") })) as { header: { revision: string } };
  await ask(url, "/v3/kv/compaction", { revision: header.revision, physical: true });
}

/** Text as etcd's JSON has it. */
export function base64(given: string): string {
  return Buffer.from(given).toString("base64");
}

function text(given: string | undefined): string {
  return Buffer.from(given ?? "", "base64").toString();
}
