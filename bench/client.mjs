// Our HTTP client with deadline, breaker, validation and ids against bare http.request: 64 in flight, one core each, every
// program restarted in every round. CPU time of the client per call first.
import { answering, freePort, keep, median, quantile, start, stop } from "./measure.mjs";

const rounds = Number(process.argv[process.argv.indexOf("--rounds") + 1] || 9) || 9;
const kinds = ["bare http.request", "Service Kit"];
const port = await freePort();
const server = start(1, [process.execPath, "servers/raw.mjs"], { env: { ...process.env, PORT: String(port) } });
const runs = new Map(kinds.map((kind) => [kind, []]));
try {
  await answering(`http://127.0.0.1:${port}/sum`, { method: "POST", body: '{"a":1,"b":2}', expect: '{"v":3}' });
  for (let round = 0; round < rounds; round++) {
    for (const kind of round % 2 === 0 ? kinds : [...kinds].reverse()) runs.get(kind).push(await run(kind));
    console.log(
      `round ${round + 1} of ${rounds}: ${kinds.map((kind) => `${kind} ${runs.get(kind).at(-1).cpu.toFixed(2)} µs`).join(" | ")}`,
    );
  }
} finally {
  await stop(server);
}
const ratios = runs.get("Service Kit").map(({ cpu }, i) => runs.get("bare http.request")[i].cpu / cpu);
const rows = kinds.map((kind) => ({
  name: kind,
  cpu: median(runs.get(kind).map(({ cpu }) => cpu)),
  perSecond: median(runs.get(kind).map(({ perSecond }) => perSecond)),
}));
console.log(rows, `ratio ${median(ratios).toFixed(3)} (low ${quantile(ratios, 0.25).toFixed(3)})`);
keep("client", { rounds, rows, ratio: median(ratios), ratioLow: quantile(ratios, 0.25) });

function run(kind) {
  return new Promise((resolve, reject) => {
    const args = ["servers/caller.mjs", kind === "Service Kit" ? "ours" : "bare"];
    const child = start(0, [process.execPath, ...args], {
      env: { ...process.env, PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.once("close", (code) =>
      code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`${kind} ended with ${code}`)),
    );
  });
}
