/**
 * A package of another suite of Debian than this machine's, unpacked into a folder and not installed: for servers that are
 * in an older or newer release only. By apt itself, with lists and cache of its own, so that the machine's are untouched.
 *
 * @module
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { command, fetched, type Fetched } from "./fetched.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * The folder with what `name` of `suite` holds (`usr/bin/…` in it), without what it depends on: right for programs of Go,
 * which need little.
 */
export function unpackedFrom(suite: string, name: string): Fetched {
  return fetched(`${suite}-${name}`, (into) => {
    for (const folder of ["lists/partial", "cache/archives/partial", "unpacked"]) {
      mkdirSync(`${into}/${folder}`, { recursive: true });
    }
    writeFileSync(`${into}/sources.list`, `deb [signed-by=${KEYRING}] ${mirror()} ${suite} main\n`);
    const settings = [
      `Dir::Etc::sourcelist=${into}/sources.list`,
      "Dir::Etc::sourceparts=/dev/null",
      `Dir::State::Lists=${into}/lists`,
      `Dir::Cache=${into}/cache`,
      // apt gives up root for downloads, and may then not write here.
      "APT::Sandbox::User=root",
      // An old suite is no longer signed anew.
      "Acquire::Check-Valid-Until=false",
      "Acquire::Languages=none",
    ].flatMap((setting) => ["-o", setting]);
    command(["apt-get", "-q", ...settings, "update"], { timeoutMs: 120_000 });
    command(["apt-get", "-q", ...settings, "download", name], { cwd: into, timeoutMs: 180_000 });
    const file = readdirSync(into).find((one) => one.endsWith(".deb"));
    if (file === undefined) throw new Error(`${suite} has no ${name}`);
    command(["dpkg-deb", "-x", `${into}/${file}`, `${into}/unpacked`]);
    return "unpacked";
  });
}

/** Where this machine has Debian's packages from. */
function mirror(): string {
  const sites = command(["apt-get", "indextargets", "--format", "$(SITE)", "Origin: Debian"]).trim().split("\n");
  const site = sites.find((one) => one !== "" && !one.includes("security"));
  if (site === undefined) throw new Error("apt knows no mirror of Debian's here");
  return site;
}
