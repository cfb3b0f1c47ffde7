/**
 * grpcurl, the tool that people ask gRPC servers with: built from its module at one version.
 *
 * @module
 */
import { command, fetched, type Fetched } from "./fetched.ts";

const VERSION = "1.9.3";

/** The program grpcurl. */
export function grpcurl(): Fetched {
  return fetched(`grpcurl-${VERSION}`, (into) => {
    // No other toolchain is fetched for it.
    const env = { ...process.env, GOTOOLCHAIN: "local", GOBIN: into, CGO_ENABLED: "0" };
    const line = ["go", "install", `github.com/fullstorydev/grpcurl/cmd/grpcurl@v${VERSION}`];
    command(line, { cwd: into, env, timeoutMs: 300_000 });
    return "grpcurl";
  });
}
