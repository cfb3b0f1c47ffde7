import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, expect, it } from "vitest";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(`${tmpdir()}/servicekit-peer-`);
  const made = await rolldown({
    input: fileURLToPath(new URL("./index.ts", import.meta.url)),
    external: /^(@bufbuild|node:)/,
    platform: "node",
  });
  await made.write({ file: `${folder}/door.mjs`, format: "esm" });
  await made.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("says which package is missing when its peer is not installed", async () => {
  await writeFile(
    `${folder}/main.mjs`,
    `import("./door.mjs").catch(({ code, message }) => console.log(code, message));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [`${folder}/main.mjs`]);
  expect(stdout).toMatch(/^ERR_MODULE_NOT_FOUND Cannot find package '@bufbuild\/protobuf' imported from /);
});
