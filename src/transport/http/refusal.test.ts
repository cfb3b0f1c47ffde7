import { expect, it } from "vitest";
import { z } from "zod";
import { served } from "../../../test/served.ts";
import { bareError, policyError } from "../../errors/index.ts";
import { method, service } from "../../index.ts";

it("a peer's error that a handler passes on is answered, whatever its details would be as a header", async () => {
  const details = { acceptEncoding: ["gzip\nset-cookie: a=b"] };
  const upstream = { code: "invalid_argument", reason: "unsupported_media_type", origin: "peer", details } as const;
  const relay = service("relay", { pass: method({ request: z.object({}), response: z.object({}) }) });
  await using server = await served(relay.implement({ pass: () => bareError("not that", upstream) as never }));
  const answer = await server.ask({ path: "/relay/pass", body: "{}" });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.headers["accept-encoding"]).toBeUndefined();
});

it("an error that says less than its reason promises is answered all the same", async () => {
  const own = service("own", { call: method({ request: z.object({}), response: z.object({}) }) });
  await using server = await served(own.implement({ call: () => policyError("wrong_verb") as never }));
  const answer = await server.ask({ path: "/own/call", body: "{}" });
  expect([answer.status, answer.headers["allow"]]).toEqual([405, undefined]);
});
