/**
 * The port for operators: metrics, probes, the stack, and a page for people with what the service does right now.
 *
 * @module
 */
export { debugServer, type DebugServerOptions } from "./debug-server.ts";
