// Ours over httpServer, with everything on.
import { serve } from "servicekit/server";
import { httpServer, routes } from "servicekit/transport/http";
import { add, everything, implementation } from "./add.mjs";

const table = routes(add, { sum: "POST /sum" });
const on = [httpServer({ port: Number(process.env.PORT), host: "127.0.0.1", routes: [table] })];
await serve(implementation, { on, ...everything });
