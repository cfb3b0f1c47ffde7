/**
 * VictoriaMetrics, from the Debian package of a suite that is new enough to take OTLP; unpacked, not installed.
 *
 * @module
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { command, fetched, started, type Fetched, type Started } from "./fetched.ts";

const SUITE = "sid";

/** Its program. */
export function victoriaMetricsProgram(): Fetched {
  return fetched("victoria-metrics", (into) => {
    const apt = aptOf(into);
    command([...apt("apt-get"), "update"]);
    command([...apt("apt-get"), "download", "victoria-metrics"], { cwd: into, timeoutMs: 120_000 });
    const deb = readdirSync(into).find((name) => name.endsWith(".deb"));
    if (deb === undefined) throw new Error("no package came");
    command(["dpkg", "-x", `${into}/${deb}`, `${into}/unpacked`]);
    process.stderr.write(`using ${deb}\n`);
    return "unpacked/usr/bin/victoria-metrics";
  });
}

/** An apt of its own, which leaves the machine's lists as they are; only the mirror is the machine's. */
function aptOf(into: string): (program: string) => string[] {
  for (const folder of ["lists/partial", "cache/archives/partial"]) mkdirSync(`${into}/${folder}`, { recursive: true });
  const given = command(["apt-get", "indextargets", "--format", "$(REPO_URI)"]);
  const mirror = given.split("\n").find((uri) => /\/debian\/?$/.test(uri)) ?? mirrorIn(sources());
  if (mirror === undefined) throw new Error("this machine names no Debian mirror");
  const signed = "/usr/share/keyrings/debian-archive-keyring.gpg";
  writeFileSync(`${into}/sources.list`, `deb [signed-by=${signed}] ${mirror} ${SUITE} main\n`);
  const options = [
    `Dir::Etc::sourcelist=${into}/sources.list`,
    "Dir::Etc::sourceparts=/dev/null",
    `Dir::State::Lists=${into}/lists`,
    `Dir::Cache=${into}/cache`,
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
  ];
  return (program) => [program, "-q", ...options.flatMap((option) => ["-o", option])];
}

function sources(): string {
  const folder = "/etc/apt/sources.list.d/";
  return readdirSync(folder)
    .filter((name) => /\.(?:list|sources)$/.test(name))
    .map((name) => readFileSync(folder + name, "utf8"))
    .join("\n");
}

function mirrorIn(text: string): string | undefined {
  return /\bhttps?:\/\/\S+\/debian\b/.exec(text)?.[0];
}

/** Runs it with its data in a temporary folder. */
export function victoriaMetrics(program: string): Promise<Started> {
  return started({
    line: (port, data) => [program, `-storageDataPath=${data}/data`, `-httpListenAddr=127.0.0.1:${port}`],
    ready: "/health",
  });
}
