import { afterAll, beforeAll } from "vitest";
import { asEveryTransport, carriedBy, type Around } from "../../../test/as-every-transport.ts";
import { natsTestServer } from "../../../tools/servers/nats.ts";
import { natsClient, natsServer, type SubjectOf } from "./index.ts";

const nats = natsTestServer();
beforeAll(nats.start);
afterAll(nats.stop);

// Servers of one case are not instances of one service: each has subjects of its own.
const spaces = new WeakMap<Around, SubjectOf>();
let count = 0;

function subjectsOf(around: Around): SubjectOf {
  let subjects = spaces.get(around);
  if (subjects === undefined) {
    const prefix = `suite${process.pid}.${++count}`;
    subjects = (service, method) => `${prefix}.${service}.${method}`;
    spaces.set(around, subjects);
  }
  return subjects;
}

asEveryTransport(
  carriedBy("nats", {
    server: (around) => natsServer({ servers: nats.url, subjects: subjectsOf(around), ...(around as object) }),
    client: (around) => natsClient({ subjects: subjectsOf(around), codec: around.codec }),
    from: () => nats.url,
  }),
  { missing: nats.missing },
);
