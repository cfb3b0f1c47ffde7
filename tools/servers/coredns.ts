/**
 * CoreDNS, built with the plugins that answer from etcd.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { Resolver } from "node:dns/promises";
import { command, started, type Fetched, type Started } from "./fetched.ts";
import { goProgram } from "./go-program.ts";

/** Its program. */
export function coreDnsProgram(): Fetched {
  try {
    command(["go", "version"]);
  } catch (error) {
    return { reason: `CoreDNS is built by Go: ${(error as Error).message}` };
  }
  return goProgram(new URL("./coredns/", import.meta.url));
}

/** Runs it for the domain `local`, which it reads from an etcd. */
export function coreDns(program: string, etcd: string): Promise<Started> {
  return started({
    line(port, data) {
      const lines = [
        `local:${port} {`,
        "bind 127.0.0.1",
        "errors",
        `etcd {`,
        "path /skydns",
        `endpoint ${etcd}`,
        "}",
        "}",
      ];
      writeFileSync(`${data}/Corefile`, lines.join("\n"));
      return [program, "-conf", `${data}/Corefile`];
    },
    ready: (port) =>
      asking(port)
        .resolve4("nobody.local")
        .then(
          () => true,
          // It answers that there is no such name.
          ({ code }: NodeJS.ErrnoException) => code === "ENOTFOUND" || code === "ENODATA",
        ),
  });
}

/** Asks a DNS server at a port of the loopback. */
export function asking(port: number): Resolver {
  const resolver = new Resolver({ timeout: 5000, tries: 4 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver;
}
