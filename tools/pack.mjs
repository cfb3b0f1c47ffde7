// Packing as for publishing.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { packageJson, root } from "./doors.mjs";

/** Packs dist/ as it stands: the scripts are off, or `prepare` would build again under somebody's feet. */
export function pack() {
  const folder = `${root}.cache/pack`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], { cwd: root });
  return `${folder}/${packageJson.name}-${packageJson.version}.tgz`;
}

/** What the tarball holds, as npm lists it: paths relative to the package. */
export function packedFiles() {
  const options = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
  const [listing] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], options));
  return listing.files.map(({ path }) => path);
}
