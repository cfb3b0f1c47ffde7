/**
 * Client and server in one process, through the same steps as over a wire.
 *
 * @module
 */
export { local, type LocalOptions, type LocalReply, type LocalRequest } from "./local.ts";
