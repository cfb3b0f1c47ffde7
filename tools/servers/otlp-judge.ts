/**
 * The OpenTelemetry Collector's own data model, built from its Go module, as a server that says what it understood.
 *
 * @module
 */
import { started, type Fetched, type Started } from "./fetched.ts";
import { goProgram } from "./go-program.ts";

/** Its program. */
export function otlpJudgeProgram(): Fetched {
  return goProgram(new URL("./otlp/", import.meta.url));
}

/** Runs it. */
export function otlpJudge(program: string): Promise<Started> {
  return started({ line: (port) => [program, `127.0.0.1:${port}`], ready: "/health" });
}
