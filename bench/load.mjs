// The load: 64 connections, no pipelining, from one core. wrk where it is at hand, else autocannon, which is slower than the
// servers: then only CPU time per request says anything.
import { execFileSync } from "node:child_process";
import { has, here, start } from "./measure.mjs";

const usesWrk = has("wrk");

export const generator = usesWrk ? "wrk" : "autocannon";

/** Loads a server for some seconds; resolves with the number of answers and how many were not 2xx. */
export async function load(port, seconds) {
  const url = `http://127.0.0.1:${port}/sum`;
  const text = usesWrk
    ? await output("wrk", ["-t1", "-c64", `-d${seconds}s`, "-s", "load.lua", url])
    : await output(process.execPath, [
        `${here}node_modules/autocannon/autocannon.js`,
        ...[
          "-c",
          "64",
          "-d",
          String(seconds),
          "-m",
          "POST",
          "-H",
          "content-type=application/json",
          "-b",
          '{"a":1,"b":2}',
          "--json",
          url,
        ],
      ]);
  if (!usesWrk) {
    const { requests, non2xx } = JSON.parse(text);
    return { answers: requests.total, bad: non2xx };
  }
  return {
    answers: Number(/(\d+) requests in/.exec(text)[1]),
    bad: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
  };
}

function output(command, args) {
  return new Promise((resolve, reject) => {
    const child = start(1, [command, ...args], { stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${command} ended with ${code}: ${text}`)),
    );
  });
}

/** The version of the load generator, for the page. */
export function generatorVersion() {
  if (!usesWrk) return "autocannon";
  try {
    return execFileSync("wrk", ["-v"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0];
  } catch (error) {
    return String(error.stdout ?? "wrk")
      .split("\n")[0]
      .replace(/ \[.*/, "");
  }
}
