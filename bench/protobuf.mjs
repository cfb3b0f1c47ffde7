// What a message costs to write and to read, in nanoseconds of CPU: the wires of a contract made in TypeScript, protobuf-es on the
// same bytes, and JSON of the same value. Plain objects in and out, but for protobuf-es, whose messages are made beforehand.
// Candidates take turns within each round, and the lower quartile counts, since neighbours only ever add.
//
//   node protobuf.mjs
import { fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import { method, service } from "servicekit/contract";
import { rpcsOf } from "servicekit/transport/protobuf";
import { z } from "zod";
import { quantile } from "./measure.mjs";

const ROUNDS = 41;
const VALUES = 64;

const item = z.object({ sku: z.string(), count: z.int(), price: z.number() });
const order = z.object({ id: z.string(), to: z.object({ street: z.string(), zip: z.string() }), items: z.array(item) });
const shop = service("shop.orders", {
  sum: method({ request: z.object({ a: z.int(), b: z.int() }), response: z.object({}) }),
  place: method({ request: order, response: z.object({}) }),
});
const { rpcs } = rpcsOf(shop);

const cases = [
  { name: "sum", title: "{a, b}", calls: 50_000, make: (i) => ({ a: i * 3, b: 70_000 + i }) },
  { name: "place", title: "an order of 100 items", calls: 500, make: madeOrder },
];

function madeOrder(i) {
  const items = Array.from({ length: 100 }, (_, k) => ({ sku: `sku-${k}`, count: k, price: k * 1.5 }));
  return { id: `order-${i}`, to: { street: "Main street 5", zip: "12345" }, items };
}

let sink = 0;
for (const { name, title, calls, make } of cases) {
  const { request, desc } = rpcs.get(name);
  const values = Array.from({ length: VALUES }, (_, i) => make(i));
  const bytes = values.map((value) => request.write(value));
  const texts = values.map((value) => JSON.stringify(value));
  const messages = values.map((value) => fromJson(desc.input, value));
  const candidates = {
    "write, this": (i) => request.write(values[i]).length,
    "write, protobuf-es": (i) => toBinary(desc.input, messages[i]).length,
    "write, JSON.stringify": (i) => JSON.stringify(values[i]).length,
    "read, this": (i) => (request.read(bytes[i], 64) === undefined ? 0 : 1),
    "read, protobuf-es": (i) => (fromBinary(desc.input, bytes[i]) === undefined ? 0 : 1),
    "read, JSON.parse": (i) => (JSON.parse(texts[i]) === undefined ? 0 : 1),
  };
  const rounds = Object.fromEntries(Object.keys(candidates).map((one) => [one, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [one, run] of Object.entries(candidates)) {
      const before = process.cpuUsage();
      for (let i = 0; i < calls; i++) sink += run(i % VALUES);
      const { user, system } = process.cpuUsage(before);
      rounds[one].push(((user + system) * 1000) / calls);
    }
  }
  console.log(`${title}: ${bytes[1].length} bytes, ${texts[1].length} in JSON`);
  for (const [one, all] of Object.entries(rounds))
    console.log(`  ${one.padEnd(22)} ${quantile(all, 0.25).toFixed(0).padStart(8)} ns`);
}
if (Number.isNaN(sink)) throw new Error("the results were not used");
