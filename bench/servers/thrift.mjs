// Both ends of add.sum over Thrift, each the way its library's documentation has it: `node thrift.mjs server|client KIND`. The
// client calls with 64 in flight for some seconds and prints what a call cost.
import { createRequire } from "node:module";
import { client } from "servicekit/client";
import { serve } from "servicekit/server";
import { thriftClient, thriftServer } from "servicekit/transport/thrift";
import { add } from "./thrift-contract.mjs";

const [, , role, kind] = process.argv;
const port = Number(process.env.PORT);
const host = "127.0.0.1";

/** By kind: how a server is started, and how a client calls. */
const kinds = {
  // The package, with what its compiler makes of the same contract.
  thrift() {
    const load = createRequire(`${process.env.GENERATED}/`);
    const thrift = load("thrift");
    const Add = load("./add.js");
    const { SumRequest, SumResponse } = load("./idl_types.js");
    const how = { transport: thrift.TFramedTransport, protocol: thrift.TBinaryProtocol };
    return {
      serve() {
        const sum = ({ a, b }, done) => done(null, new SumResponse({ v: Number(a) + Number(b) }));
        thrift.createServer(Add, { sum }, how).listen(port, host);
      },
      connect() {
        const connection = thrift.createConnection(host, port, how);
        const remote = thrift.createClient(Add, connection);
        return async (a, b) => Number((await remote.sum(new SumRequest({ a, b }))).v);
      },
    };
  },
  // The same bytes on as many connections: no metadata, no deadline on the wire.
  framed: () => ours({ headers: false, maxConnections: 1 }),
  // As it is without options: frames with headers.
  ours: () => ours({}),
};

function ours(options) {
  return {
    async serve() {
      const implementation = add.implement({ sum: ({ a, b }) => ({ v: a + b }) });
      const on = [thriftServer({ port, host })];
      await serve(implementation, { on, log: false, trace: false, metrics: false, signals: false });
    },
    connect() {
      const remote = client(add, thriftClient(options), { from: `${host}:${port}` });
      return async (a, b) => (await remote.sum({ a, b })).v;
    },
  };
}

const ends = kinds[kind]();
if (role === "server") await ends.serve();
else {
  const sum = ends.connect();
  await phase(sum, 2000);
  // So that the server's time is counted from here.
  process.stdout.write("\n");
  process.stdout.write(JSON.stringify(await phase(sum, Number(process.env.SECONDS) * 1000)));
  process.exit(0);
}

async function phase(sum, ms) {
  const until = performance.now() + ms;
  let calls = 0;
  async function worker() {
    while (performance.now() < until) {
      const asked = ++calls;
      if ((await sum(asked, 1)) !== asked + 1) throw new Error("a wrong answer");
    }
  }
  const begun = process.cpuUsage();
  await Promise.all(Array.from({ length: 64 }, worker));
  const { user, system } = process.cpuUsage(begun);
  return { cpu: (user + system) / calls, perSecond: (calls / ms) * 1000, calls };
}
