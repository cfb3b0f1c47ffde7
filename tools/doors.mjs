// The doors of the package, read from its `exports` map: what may be imported, and where its source lies.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository's root, with a slash at the end. */
export const root = fileURLToPath(new URL("../", import.meta.url));

export const packageJson = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

/** One entry per key of `exports` that is code: `{ key: "./time", door: "servicekit/time", room: "time", name: "time/index" }`. */
export const doors = Object.entries(packageJson.exports)
  .filter(([, target]) => typeof target === "object")
  .map(([key, target]) => ({
    key,
    door: key.replace(/^\./, packageJson.name),
    room: key === "." ? "" : key.slice(2),
    name: target.default.replace(/^\.\/dist\//, "").replace(/\.js$/, ""),
    types: target.types,
    code: target.default,
  }));

/** The doors whose source exists. */
export const presentDoors = doors.filter(({ name }) => existsSync(`${root}src/${name}.ts`));

/** The programs of the package: `{ program: "servicekit", name: "cli/main", code: "dist/cli/main.js" }`. */
export const programs = Object.entries(packageJson.bin ?? {}).map(([program, code]) => ({
  program,
  name: code.replace(/^dist\//, "").replace(/\.js$/, ""),
  code,
}));
