// Both ends of add.sum over RabbitMQ: `node amqp.mjs responder|requester KIND`. The requester calls with 64 in flight for
// some seconds and prints what a call cost.
const [, , role, kind] = process.argv;
const url = process.env.AMQP_URL;
const IN_FLIGHT = 64;

/** By kind: how a responder is started, and how a requester calls. */
const kinds = {
  // The package alone: direct reply-to with one consumer, calls told apart by a number. No deadline, no checks.
  async amqplib() {
    const { connect } = await import("amqplib");
    const channel = await (await connect(url, { noDelay: true })).createChannel();
    if (role === "responder") {
      await channel.assertQueue("bare", { durable: true });
      await channel.prefetch(100);
      await channel.consume("bare", (message) => {
        const { a, b } = JSON.parse(message.content.toString());
        const { replyTo, correlationId } = message.properties;
        channel.sendToQueue(replyTo, Buffer.from(JSON.stringify({ v: a + b })), { correlationId });
        channel.ack(message);
      });
      return undefined;
    }
    const replyTo = "amq.rabbitmq.reply-to";
    const waiting = new Map();
    let number = 0;
    await channel.consume(
      replyTo,
      ({ properties: { correlationId }, content }) => {
        waiting.get(correlationId)?.(JSON.parse(content.toString()));
        waiting.delete(correlationId);
      },
      { noAck: true },
    );
    return (a, b) =>
      new Promise((resolve) => {
        const correlationId = String(++number);
        waiting.set(correlationId, resolve);
        channel.sendToQueue("bare", Buffer.from(JSON.stringify({ a, b })), { correlationId, replyTo });
      });
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
      const { amqpServer } = await import("servicekit/transport/amqp");
      const implementation = add.implement({ sum: ({ a, b }) => ({ v: a + b }) });
      await serve(implementation, { on: [amqpServer({ url })], log: false, trace: false, metrics: false });
      return undefined;
    }
    const { client } = await import("servicekit/client");
    const { amqpClient } = await import("servicekit/transport/amqp");
    const remote = client(add, amqpClient(), { from: url });
    return (a, b) => remote.sum({ a, b });
  },
};

const call = await kinds[kind]();
if (role === "requester") {
  await answering();
  await phase(2000);
  process.stdout.write(JSON.stringify(await phase(4000)));
  process.exit(0);
}

/** The responder may not be there yet. */
async function answering() {
  for (let tries = 0; ; tries++) {
    const late = new Promise((resolve) => void setTimeout(resolve, 200));
    const answer = await Promise.race([call(1, 2).catch(() => undefined), late]);
    if (answer?.v === 3) return;
    if (tries === 50) throw new Error(`${kind} does not answer`);
    await late;
  }
}

async function phase(ms) {
  const before = process.cpuUsage();
  const began = performance.now();
  const until = began + ms;
  let calls = 0;
  async function caller() {
    while (performance.now() < until) {
      const a = calls++ & 1023;
      if ((await call(a, 2)).v !== a + 2) throw new Error("a wrong answer");
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / calls, perSecond: (calls * 1000) / (performance.now() - began) };
}
