// Both ends of add.sum over NATS, each the way its library's documentation has it: `node nats.mjs responder|requester KIND`.
// The requester calls with 64 in flight for some seconds and prints what a call cost.
const [, , role, kind] = process.argv;
const servers = process.env.NATS_URL;
const SUBJECT = "add.sum";

/** By kind: how a responder is started, and how a requester calls. */
const kinds = {
  // The package alone: a callback subscription and its own request().
  async request() {
    const { connect } = await import("@nats-io/transport-node");
    const connection = await connect({ servers });
    return {
      respond: () =>
        connection.subscribe(SUBJECT, {
          queue: "add",
          callback(error, message) {
            const { a, b } = message.json();
            message.respond(JSON.stringify({ v: a + b }));
          },
        }),
      async call(a, b) {
        const answer = await connection.request(SUBJECT, JSON.stringify({ a, b }), { timeout: 3000 });
        return answer.json();
      },
    };
  },
  async moleculer() {
    const { ServiceBroker } = (await import("moleculer")).default;
    const broker = new ServiceBroker({
      nodeID: `${role}-${process.pid}`,
      transporter: servers,
      logger: false,
      requestTimeout: 3000,
    });
    if (role === "responder") {
      const params = { a: "number", b: "number" };
      broker.createService({
        name: "add",
        actions: { sum: { params, handler: ({ params: { a, b } }) => ({ v: a + b }) } },
      });
    }
    await broker.start();
    return {
      respond: () => undefined,
      async call(a, b) {
        if (a === 0 && b === -1) await broker.waitForServices("add");
        return broker.call(SUBJECT, { a, b });
      },
    };
  },
  async ours() {
    const { method, service } = await import("servicekit");
    const { z } = await import("zod");
    const int = z.int();
    const add = service("add", {
      sum: method({ request: z.object({ a: int, b: int }), response: z.object({ v: int }), idempotent: true }),
    });
    if (role === "responder") {
      const { serve } = await import("servicekit/server");
      const { natsServer } = await import("servicekit/transport/nats");
      const implementation = add.implement({ sum: ({ a, b }) => ({ v: a + b }) });
      await serve(implementation, { on: [natsServer({ servers })], log: false, trace: false, metrics: false });
      return { respond: () => undefined };
    }
    const { client } = await import("servicekit/client");
    const { natsClient } = await import("servicekit/transport/nats");
    // It is there, but the tries until the responder is up do not open it.
    const remote = client(add, natsClient(), { from: servers, breaker: { consecutive: 1000 } });
    return { call: (a, b) => remote.sum({ a, b }) };
  },
};

const { respond, call } = await kinds[kind]();
if (role === "responder") respond();
else {
  await answering();
  await phase(2000);
  process.stdout.write(JSON.stringify(await phase(4000)));
  process.exit(0);
}

async function answering() {
  for (let tries = 0; ; tries++) {
    try {
      return await call(0, -1);
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

async function phase(ms) {
  const until = performance.now() + ms;
  let calls = 0;
  async function worker() {
    while (performance.now() < until) {
      const { v } = await call(calls, 1);
      if (typeof v !== "number") throw new Error("no answer");
      calls++;
    }
  }
  const begun = process.cpuUsage();
  await Promise.all(Array.from({ length: 64 }, worker));
  const { user, system } = process.cpuUsage(begun);
  return { cpu: (user + system) / calls, perSecond: (calls / ms) * 1000, calls };
}
