// The server door with everything on and one method, whose schemas are written by hand.
import { method, service } from "servicekit";
import { serve } from "servicekit/server";
import { httpServer } from "servicekit/transport/http";

const schema = (fields) => ({
  "~standard": {
    version: 1,
    vendor: "bench",
    validate: (value) => ({ value }),
    jsonSchema: {
      input: () => ({
        type: "object",
        properties: Object.fromEntries(fields.map((field) => [field, { type: "integer" }])),
        required: fields,
      }),
    },
  },
});
const add = service("add", { sum: method({ request: schema(["a", "b"]), response: schema(["v"]) }) });
await serve(add.implement({ sum: ({ a, b }) => ({ v: a + b }) }), {
  on: [httpServer({ port: Number(process.env.PORT), host: "127.0.0.1" })],
});
