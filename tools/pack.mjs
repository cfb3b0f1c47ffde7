// Packing what is published.
//
//   node tools/pack.mjs    packs it, and says where: for `npm publish`, or to be installed elsewhere
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { packageJson, root } from "./doors.mjs";

/**
 * Packs dist/ as it stands. Without what is for those who work on it: npm warns whoever installs a tarball of a package with
 * `prepare`, although it never runs there.
 */
export function pack() {
  const folder = `${root}.cache/pack`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const path of packedFiles()) cpSync(root + path, `${folder}/package/${path}`);
  const { scripts: _scripts, devDependencies: _devDependencies, ...published } = packageJson;
  writeFileSync(`${folder}/package/package.json`, `${JSON.stringify(published, undefined, 2)}\n`);
  execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: `${folder}/package` });
  return `${folder}/${packageJson.name}-${packageJson.version}.tgz`;
}

/** What the tarball holds, as npm lists it: paths relative to the package. The scripts are off, or `prepare` would build under somebody's feet. */
export function packedFiles() {
  const options = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
  const [listing] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], options));
  return listing.files.map(({ path }) => path);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(pack());
