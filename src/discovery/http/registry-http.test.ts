import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as secureServer } from "node:https";
import { createServer as tcpServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { alone } from "../../../test/alone.ts";
import { authority, hasOpenssl } from "../../../test/certificates.ts";
import { closed } from "../../../test/until.ts";
import { settled, virtualClock } from "../../testing/virtual-clock.ts";
import { registryHttp, RegistryError, type RegistryHttp, type RegistryHttpOptions } from "./index.ts";

const opened: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) void one.close();
});

async function listening<T extends Server | ReturnType<typeof tcpServer>>(server: T): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push({
    close: () => {
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
    },
  });
  return (server.address() as AddressInfo).port;
}

async function serving(listener: RequestListener): Promise<string> {
  // Idle connections stay, however slow this machine is.
  return `http://127.0.0.1:${await listening(createServer({ keepAliveTimeout: 600_000 }, listener))}`;
}

/** On a clock that stands still, so that nothing is given up because this machine is slow. */
function client(options: RegistryHttpOptions): RegistryHttp {
  const made = registryHttp({ clock: virtualClock(), ...options });
  opened.push(made);
  return made;
}

/** A promise that somebody else resolves; Node 20 has none of its own. */
function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  return { promise: new Promise<void>((done) => (resolve = done)), resolve: () => resolve() };
}

function answer(status: number, body = "") {
  return (_: IncomingMessage, response: ServerResponse) => void response.writeHead(status).end(body);
}

/** Where nobody listens, and nobody may. */
const nobody = "http://127.0.0.1:1";

async function refusal(asked: Promise<unknown>): Promise<RegistryError> {
  const error = await asked.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(RegistryError);
  return error as RegistryError;
}

describe("a request", () => {
  it("carries method, path, query, headers and a JSON body, and gives the answer", async () => {
    const seen: unknown[] = [];
    const servers = await serving((request, response) => {
      void request.toArray().then((body) => {
        seen.push(request.method, request.url, Buffer.concat(body as Buffer[]).toString());
        seen.push(request.headers["x-token"], request.headers["content-type"]);
        response.writeHead(201, { "x-index": "7" }).end('{"a":1}');
      });
    });
    let token = 0;
    const http = client({ servers: `${servers}/base/`, headers: () => ({ "x-token": String(++token) }) });
    const query = { tag: ["a b", "c"], wait: 1, not: undefined };
    const got = await http.request({ method: "PUT", path: "/v1/x", query, body: { b: 2 } });
    expect([got.status, got.headers["x-index"], got.text, got.json()]).toEqual([201, "7", '{"a":1}', { a: 1 }]);
    await http.request({ path: "/" });
    expect(seen).toEqual([
      ...["PUT", "/base/v1/x?tag=a%20b&tag=c&wait=1", '{"b":2}', "1", "application/json"],
      ...["GET", "/base/", "", "2", undefined],
    ]);
  });

  it("sends user and password of the URL, and shows them nowhere", async () => {
    let seen: string | undefined;
    const servers = await serving((request, response) => {
      seen = request.headers.authorization;
      response.writeHead(403).end("go\u0000 away\n\u001b[31m");
    });
    const http = client({ servers: servers.replace("//", "//me:p%40ss@"), headers: { "x-token": "t0ken" } });
    const error = await refusal(http.request({ path: "/v1/kv", query: { key: "s3cret" } }));
    expect(Buffer.from(seen!.slice("Basic ".length), "base64").toString()).toBe("me:p@ss");
    expect(error.message).toBe(`GET ${servers}/v1/kv: 403 go away [31m`);
    expect(error).toMatchObject({ status: 403, excerpt: "go away [31m" });
    expect(JSON.stringify(error) + error.stack).not.toMatch(/p@ss|p%40ss|t0ken|s3cret/);
  });

  it("tells of an answer that is not JSON when somebody parses it", async () => {
    const http = client({ servers: await serving(answer(200, "<html>")) });
    const got = await http.request({ path: "/x" });
    expect(() => got.json()).toThrow("/x: the answer is not JSON: <html>");
  });

  it("gives up on an answer larger than maxBytes", async () => {
    const http = client({ servers: await serving(answer(200, "x".repeat(100))), maxBytes: 99 });
    expect((await refusal(http.request({ path: "/" }))).message).toContain("the answer has more than 99 bytes");
    const exact = client({ servers: await serving(answer(200, "x".repeat(99))), maxBytes: 99 });
    expect((await exact.request({ path: "/" })).text).toHaveLength(99);
  });

  it("takes an answer that breaks off for a failure", async () => {
    const port = await listening(
      tcpServer((socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")),
    );
    const http = client({ servers: `127.0.0.1:${port}` });
    expect((await refusal(http.request({ path: "/" }))).message).toContain("the answer broke off");
  });

  it("gives up on a silent server when the time is over, on its own clock", async () => {
    const sockets: Socket[] = [];
    const port = await listening(tcpServer((socket) => void sockets.push(socket.on("error", () => {}))));
    const clock = virtualClock();
    const http = client({ servers: `http://127.0.0.1:${port}`, clock, timeoutMs: 700 });
    const failed = refusal(http.request({ path: "/v1/x" }));
    await settled();
    await clock.advance(699);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect((await failed).message).toBe(`GET http://127.0.0.1:${port}/v1/x: no answer within 700 ms`);
    expect(clock.pending).toBe(0);
  });

  it("ends at once with the signal's reason, and its connection with it", async () => {
    const clock = virtualClock();
    const [asked, left] = [deferred(), deferred()];
    const servers = await serving((request) => {
      asked.resolve();
      request.socket.once("close", () => left.resolve());
    });
    const controller = new AbortController();
    const failed = client({ servers, clock }).request({ path: "/", signal: controller.signal });
    await asked.promise;
    controller.abort(new Error("enough"));
    expect(clock.pending).toBe(0);
    await expect(failed).rejects.toThrow("enough");
    await left.promise;
    expect(clock.pending).toBe(0);
    const aborted = client({ servers }).request({ path: "/", signal: AbortSignal.abort(new Error("before")) });
    await expect(aborted).rejects.toThrow("before");
  });

  it("does not wait for headers that never come, beyond its signal or the time", async () => {
    const clock = virtualClock();
    const http = client({ servers: await serving(answer(200)), headers: () => new Promise(() => {}), clock });
    const controller = new AbortController();
    const failed = http.request({ path: "/", signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(failed).rejects.toThrow("enough");
    const late = http.request({ path: "/" }).catch((error: Error) => error.message);
    await clock.advance(5000);
    expect(await late).toBe("asking for the headers took more than 5000 ms");
    expect(clock.pending).toBe(0);
  });

  it("is asked once more when an idle connection turns out to be closed", async () => {
    const sockets = new Set<Socket>();
    const servers = await serving((request, response) => {
      sockets.add(request.socket);
      if (request.url === "/drop" && sockets.size === 1) request.socket.destroy();
      else response.end("{}");
    });
    const http = client({ servers });
    await http.request({ path: "/" });
    await http.request({ method: "PUT", path: "/drop" });
    expect(sockets.size).toBe(2);
    const fresh = client({ servers: await serving((request) => void request.socket.destroy()) });
    expect((await refusal(fresh.request({ path: "/" }))).message).toContain("cannot be asked (ECONNRESET)");
  });

  it("with isOnce is not asked again, of nobody; the next request goes to the next server", async () => {
    const asked: string[] = [];
    const first = await serving((request, response) => {
      asked.push("first");
      if (request.url === "/poll") request.socket.destroy();
      else response.end("{}");
    });
    const second = await serving((_, response) => void (asked.push("second"), response.end("{}")));
    const http = client({ servers: [first, second] });
    await http.request({ path: "/" });
    expect((await refusal(http.request({ path: "/poll", isOnce: true }))).message).toContain("ECONNRESET");
    expect(asked).toEqual(["first", "first"]);
    await http.request({ path: "/poll", isOnce: true });
    expect(asked).toEqual(["first", "first", "second"]);
  });

  it("makes a new connection after closeIdle", async () => {
    const sockets = new Set<Socket>();
    const http = client({
      servers: await serving((request, response) => void (sockets.add(request.socket), response.end())),
    });
    await http.request({ path: "/" });
    await http.request({ path: "/" });
    expect(sockets.size).toBe(1);
    http.closeIdle();
    await closed([...sockets][0]!);
    await http.request({ path: "/" });
    expect(sockets.size).toBe(2);
  });

  it("fails after close, and close twice is close once", async () => {
    const http = client({ servers: await serving(answer(200)) });
    await http.request({ path: "/" });
    http.close();
    http.close();
    expect((await refusal(http.request({ path: "/" }))).message).toBe("the client of this registry is closed");
  });
});

describe("several servers", () => {
  it("are tried in turn when one is away, fails or is silent; the one that answered is asked again", async () => {
    const [clock, reached] = [virtualClock(), deferred()];
    const silent = await listening(
      tcpServer((socket) => void socket.on("error", () => {}).once("data", reached.resolve)),
    );
    const asked: string[] = [];
    const broken = await serving((_, response) => (asked.push("broken"), response.writeHead(500).end("No leader")));
    const well = await serving((_, response) => void (asked.push("well"), response.end("{}")));
    const http = client({ servers: [nobody, broken, `http://127.0.0.1:${silent}`, well], clock });
    const first = http.request({ path: "/" });
    await reached.promise;
    await clock.advance(5000);
    await first;
    await http.request({ path: "/" });
    expect(asked).toEqual(["broken", "well", "well"]);
  });

  it("are not tried after an answer that says no", async () => {
    let asked = 0;
    const second = await serving((_, response) => (asked++, response.end()));
    const http = client({ servers: [await serving(answer(404, "nothing")), second] });
    expect(await refusal(http.request({ path: "/" }))).toMatchObject({ status: 404 });
    expect(asked).toBe(0);
  });

  it("that all fail leave the error of the one that answered", async () => {
    const http = client({ servers: [await serving(answer(503, "sealed")), nobody] });
    expect(await refusal(http.request({ path: "/" }))).toMatchObject({ status: 503, excerpt: "sealed" });
  });
});

describe("a stream", () => {
  it("gives its lines parsed, wherever they are cut, and ends when the server ends it", async () => {
    const text = '{"a":"ä"}\n\n[2]\r\n"last"';
    for (let cut = 1; cut < Buffer.byteLength(text); cut++) {
      const bytes = Buffer.from(text);
      const servers = await serving((_, response) => {
        response.write(bytes.subarray(0, cut), () => response.end(bytes.subarray(cut)));
      });
      const got: unknown[] = [];
      for await (const line of client({ servers }).stream({ path: "/", onOpen: () => got.push("open") }))
        got.push(line);
      expect(got).toEqual(["open", { a: "ä" }, [2], "last"]);
    }
  });

  it("waits as long as it likes for the next line, but not for the head", async () => {
    const clock = virtualClock();
    const go = deferred();
    const servers = await serving((_, response) => {
      response.write("1\n");
      void go.promise.then(() => response.end("2\n"));
    });
    const lines = client({ servers, clock }).stream({ path: "/" });
    expect((await lines.next()).value).toBe(1);
    await clock.advance(3_600_000);
    go.resolve();
    expect((await lines.next()).value).toBe(2);
    expect((await lines.next()).done).toBe(true);
  });

  it("ends at once with the signal's reason, or when its reader leaves", async () => {
    let left = 0;
    const both = deferred();
    const servers = await serving((request, response) => {
      response.write("1\n");
      request.socket.once("close", () => ++left === 2 && both.resolve());
    });
    const controller = new AbortController();
    const lines = client({ servers }).stream({ path: "/", signal: controller.signal });
    await lines.next();
    const next = lines.next();
    controller.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    for await (const line of client({ servers }).stream({ path: "/" })) {
      expect(line).toBe(1);
      break;
    }
    await both.promise;
  });

  it.each([
    ["is longer than maxBytes", "1\n" + "x".repeat(30), "a line has more than 20 bytes"],
    ["is not JSON", "1\n{x}\n", "the answer is not JSON: {x}"],
  ])("fails when a line %s", async (_, body, says) => {
    const lines = client({ servers: await serving(answer(200, body)), maxBytes: 20 }).stream({ path: "/w" });
    expect((await lines.next()).value).toBe(1);
    const error = await refusal(lines.next());
    expect(error.message).toContain(`/w: ${says}`);
  });

  it("fails with the status when the server says no", async () => {
    const lines = client({ servers: await serving(answer(410, "gone")) }).stream({ path: "/" });
    expect(await refusal(lines.next())).toMatchObject({ status: 410, excerpt: "gone" });
  });

  it("fails when the connection breaks", async () => {
    const servers = await serving((request, response) => void response.write("1\n", () => request.socket.destroy()));
    const lines = client({ servers }).stream({ path: "/" });
    await lines.next();
    expect((await refusal(lines.next())).message).toContain("the answer broke off");
  });
});

describe("TLS", () => {
  const missing = hasOpenssl() ? undefined : "openssl is not here";
  it.skipIf(missing !== undefined)(`is verified, with a client certificate when asked ${missing ?? ""}`, async () => {
    using made = authority();
    const [own, mine] = [made.issue("registry", ["DNS:registry.test"]), made.issue("client", ["DNS:client"])];
    const server = secureServer(
      { ...own, ca: made.ca, requestCert: true, rejectUnauthorized: true },
      answer(200, "{}"),
    );
    const servers = `https://127.0.0.1:${await listening(server)}`;
    const tls = { ca: made.ca, ...mine, servername: "registry.test" };
    expect((await client({ servers, tls }).request({ path: "/" })).status).toBe(200);
    const wrong = client({ servers, tls: { ...tls, servername: "other.test" } });
    expect((await refusal(wrong.request({ path: "/" }))).message).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
    expect((await refusal(client({ servers }).request({ path: "/" }))).status).toBeUndefined();
  });
});

describe("the process", () => {
  const ends = (script: string) => alone(`import { registryHttp } from "src/discovery/http/index.ts";\n${script}`);

  it("ends although a long poll, a stream and an idle connection wait", async () => {
    const waiting: string[] = [];
    const servers = await serving((request, response) => {
      if (request.url === "/idle") return void response.end("{}");
      waiting.push(request.url!);
      if (request.url === "/stream") response.write("1\n");
    });
    const script = `const http = registryHttp({ servers: ${JSON.stringify(servers)}, timeoutMs: 60_000 });
      await http.request({ path: "/idle", keepsAlive: true });
      void http.request({ path: "/poll", timeoutMs: 600_000 });
      void http.stream({ path: "/stream" }).next();
      await http.request({ path: "/idle", keepsAlive: true });
      console.log("over");`;
    expect(await ends(script)).toBe("over");
  });

  it("goes on for a request that writes, until its time is over", async () => {
    const silent = await listening(tcpServer((socket) => void socket.on("error", () => {})));
    const script = `const http = registryHttp({ servers: "http://127.0.0.1:${silent}", timeoutMs: 300 });
      await http.request({ method: "PUT", path: "/" }).catch((error) => console.log(error.message));`;
    expect(await ends(script)).toContain("no answer within 300 ms");
  });
});

describe("options", () => {
  it.each([
    [{ servers: [] }, "servers should be a URL or several, got an array of 0"],
    [{ servers: "" }, 'servers should be http:// or https:// URLs, got ""'],
    [{ servers: "ftp://me:secret@h" }, 'servers should be http:// or https:// URLs, got "ftp://…@h"'],
    [{ servers: "h", timeoutMs: 0 }, "timeoutMs should be a number from 1 to 3600000, got 0"],
    [{ servers: "h", maxBytes: 0.5 }, "maxBytes should be an integer from 1 to 1073741824, got 0.5"],
  ])("that cannot work are refused: %j", (options, says) => {
    expect(() => registryHttp(options)).toThrow(says);
  });
});
