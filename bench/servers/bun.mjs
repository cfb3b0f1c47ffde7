// Ours over fetchHandler behind Bun.serve, with everything on.
import { serve } from "servicekit/server";
import { fetchHandler, routes } from "servicekit/transport/fetch";
import { add, everything, implementation } from "./add.mjs";

const fetch = fetchHandler({ routes: [routes(add, { sum: "POST /sum" })] });
await serve(implementation, { on: [fetch], ...everything });
Bun.serve({ port: Number(process.env.PORT), hostname: "127.0.0.1", fetch });
