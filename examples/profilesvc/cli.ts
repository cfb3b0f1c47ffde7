/**
 * profilecli: calls one method of a profile service, ours or Go kit's, and prints its answer.
 *
 * @module
 */
import { client } from "servicekit/client";
import { flags } from "../flags.ts";
import { profiles } from "./service.ts";
import { restClient } from "./transport.ts";

const options = flags(
  `profilecli [flags] <${Object.keys(profiles.methods).join("|")}> <request as JSON>`,
  { "http.addr": [":8080", "HTTP address of profilesvc"] },
  2,
);
const [name = "", request = ""] = options.args;

async function call(): Promise<unknown> {
  const { "http.addr": at } = options;
  await using remote = client(profiles, restClient(), { from: `http://${at.startsWith(":") ? "localhost" : ""}${at}` });
  if (!Object.hasOwn(profiles.methods, name)) throw new Error(`there is no method ${JSON.stringify(name)}`);
  // What does not fit is refused by the server, whoever wrote it.
  const method = remote[name as keyof typeof profiles.methods] as (request: unknown) => Promise<unknown>;
  return method(JSON.parse(request));
}

try {
  process.stdout.write(`${JSON.stringify(await call())}\n`);
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exit(1);
}
