/** A real process and real signals: what a fake source of signals cannot show is that Node's own fits. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
let folder = "";
const children: ChildProcess[] = [];

// Node 20 cannot run TypeScript: the room and what it uses are compiled once.
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "servicekit-run-"));
  const project = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      rootDir: join(root, "src"),
      outDir: folder,
      typeRoots: [join(root, "node_modules/@types")],
    },
    files: [join(root, "src/run/index.ts")],
    include: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "main.js"), MAIN);
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], { stdio: "pipe" });
});

afterAll(() => {
  // Only a test that failed has left one.
  for (const one of children) one.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

// Answers when its drain begins, so that a request is in flight at that moment without a wait by the clock.
const MAIN = `
import { createServer } from "node:http";
import { health } from "./health/index.js";
import { run, runEventLine, task } from "./run/index.js";

const [port, isStuck] = [Number(process.argv[2]), process.argv[3] === "stuck"];
const waiting = [];
const server = createServer((request, response) => {
  waiting.push(response);
  console.log("request");
});
const http = {
  name: "http",
  addresses: [],
  start: () => new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", () => {
    http.addresses.push("http://127.0.0.1:" + server.address().port);
    resolve();
  })),
  drain: () => new Promise((resolve) => {
    server.close(() => resolve());
    if (!isStuck) for (const response of waiting) response.setHeader("connection", "close").end("done");
  }),
  close: () => server.closeAllConnections(),
};
const tick = task("tick", (signal) => new Promise((resolve) => {
  const timer = setInterval(() => {}, 1000);
  signal.addEventListener("abort", () => (clearInterval(timer), resolve()));
}));
const onEvent = (event) => console.log(runEventLine(event).replace(/ in \\d+ ms/, ""));
const group = run([tick, http], { health: health(), graceMs: 20, ...(process.argv[4] === "quiet" ? {} : { onEvent }) });
console.log("exit code", await group.done, process.exitCode);
`;

function child(...args: string[]) {
  const started = spawn(process.execPath, [join(folder, "main.js"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(started);
  const lines: string[] = [];
  let errors = "";
  started.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const waiting: (() => void)[] = [];
  createInterface(started.stdout).on("line", (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  /** Resolves with the first line that begins so. */
  function line(start: string): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = lines.find((one) => one.startsWith(start));
        if (found !== undefined) resolve(found);
      };
      waiting.push(look);
      look();
    });
  }
  const closed = once(started, "close").then(([code, signal]) => ({ code, signal, lines, errors }));
  return { process: started, line, closed };
}

function body(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, (response) => {
      response.setEncoding("utf8").once("data", resolve);
    });
    request.once("error", reject);
  });
}

it("drains on SIGTERM: the request in flight is answered, and the process ends by itself with 0", async () => {
  const { process: server, line, closed } = child("0");
  const url = /http:\S+/.exec(await line("http started"))![0];
  await line("running");
  const answer = body(url);
  await line("request");
  server.kill("SIGTERM");
  expect(await answer).toBe("done");
  const { code, signal, lines, errors } = await closed;
  expect({ code, signal, errors }).toEqual({ code: 0, signal: null, errors: "" });
  expect(lines.slice(lines.indexOf("request") + 1)).toEqual([
    "received SIGTERM",
    "stopping because SIGTERM was received, not ready, waiting 20 ms",
    "draining for at most 10000 ms",
    "tick drained",
    "http drained",
    "http closed",
    "tick closed",
    "stopped with exit code 0",
    "exit code 0 undefined",
  ]);
});

it("ends at once on a second signal, with 130, while a request hangs", async () => {
  const { process: server, line, closed } = child("0", "stuck");
  const url = /http:\S+/.exec(await line("http started"))![0];
  await line("running");
  const answer = body(url).catch(() => "cut");
  await line("request");
  server.kill("SIGTERM");
  await line("tick drained");
  server.kill("SIGINT");
  const { code, signal, lines } = await closed;
  expect({ code, signal, answer: await answer }).toEqual({ code: 130, signal: null, answer: "cut" });
  expect(lines.slice(lines.indexOf("tick drained") + 1)).toEqual([
    "received SIGINT again, ending at once",
    "stopped with exit code 130",
  ]);
});

it("ends with 1 and says why on stderr when a port is taken, without anybody listening to events", async () => {
  const first = child("0");
  const port = /\d+$/.exec(await first.line("http started"))![0];
  const { code, lines, errors } = await child(port, "", "quiet").closed;
  first.process.kill("SIGINT");
  expect({ code, lines }).toEqual({ code: 1, lines: ["exit code 1 1"] });
  expect(errors).toMatch(/^http failed to start: listen EADDRINUSE[^\n]*\n$/);
  expect((await first.closed).code).toBe(0);
});
