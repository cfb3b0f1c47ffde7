import { asEveryTransport, noBytes } from "../../../test/as-every-transport.ts";
import { local } from "./index.ts";

asEveryTransport(
  {
    name: "local",
    connect: async (implementation, { limits: _limits, codec: _codec, ...surrounding }) => ({
      transport: local(implementation, surrounding),
      from: undefined,
      drain: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  },
  {
    skip: [
      {
        reason: "nothing is sent, so there is no size to bound",
        properties: ["limits"],
        cases: ["streams/too-large"],
      },
      {
        reason: "there is no server to drain: the process is one",
        properties: ["drain"],
        cases: ["streams/drain", "one-way/drain"],
      },
      { reason: "there are no bytes to read or write otherwise", cases: ["codecs/replaced"] },
    ],
  },
);

noBytes("local", "there are no bytes: both sides are in one process");
