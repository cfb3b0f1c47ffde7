/**
 * One instance of the add service: a process that makes itself known to the registry. Told to be slow, it is.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { registrar } from "servicekit/discovery";
import { serve } from "servicekit/server";
import { httpServer } from "servicekit/transport/http";
import { add, basic } from "../addsvc/service.ts";
import { announcer } from "./registry.ts";

let slowMs = 0;
process.on("message", (ms: number) => void (slowMs = ms));

const [, , registry = ""] = process.argv;
const running = await serve(
  add.implement({
    ...basic,
    sum: async (request, context) => {
      if (slowMs > 0) await pause(slowMs);
      return basic.sum(request, context);
    },
  }),
  {
    on: [httpServer({ port: 0, host: "127.0.0.1" })],
    log: false,
    tasks: [
      registrar({
        announcer: announcer(registry),
        instance: (address = "") => ({ address: address.replace("http://", ""), service: "add" }),
      }),
    ],
  },
);

await running.done;
// The channel to its parent would keep it.
process.disconnect();
