/**
 * `servicekit generate proto`: writes the `.proto` file of a contract, and the lock that keeps the numbers of its fields.
 *
 * @module
 */
import { readFile, writeFile } from "node:fs/promises";
import type { Methods, Service } from "../contract/index.ts";
import { fieldNumbers, numbered, type FieldNumbers } from "../transport/numbering.ts";
import { protoText } from "../transport/protobuf/proto-text.ts";
import { Refusal, type Command } from "./command.ts";
import { loadService } from "./load-service.ts";

/** The command. */
export const generateProto: Command = {
  words: ["generate", "proto"],
  takes: "<module>",
  says: "Writes a .proto file from a contract, and keeps the numbers of its fields.",
  more:
    "The module is a .js file, or a .ts file where Node runs those (22.18 or newer), that exports the contract and only declares.\n" +
    "Without --out the file goes to stdout. The lock is made when it is not there, and else brought up to date: give it to\n" +
    "numbered() beside the contract. A change that peers would misread is refused. With --check nothing is written, and the\n" +
    "exit code is 1 when a file is not as it should be: for CI.",
  options: [
    { name: "service", value: "<name>", says: "which service, when the module exports several" },
    {
      name: "lock",
      value: "<file>",
      says: "where the numbers are kept (JSON); default: numbers follow the order of fields",
    },
    { name: "out", value: "<file>", says: "where to write the .proto file" },
    { name: "check", value: undefined, says: "only say whether the files are up to date" },
  ],
  async run({ values, positionals }, { out, note }) {
    const [module] = positionals;
    if (module === undefined) throw new Refusal("give the module that exports the contract", true);
    if (positionals.length > 1) throw new Refusal(`one module at a time, got ${positionals.length}`, true);
    const { lock, out: target, service: name, check } = values as Values;
    if (check === true && lock === undefined && target === undefined)
      throw new Refusal("--check needs a file to check: --lock, --out or both", true);
    const service = await loadService(module, name);
    const before = lock === undefined ? undefined : await readLock(lock);
    const { numbers, text } = generated(service, lock === undefined ? undefined : { file: lock, before });
    const files: Generated[] = [];
    if (lock !== undefined && numbers !== undefined)
      files.push({ file: lock, text: numbers, isCurrent: before !== undefined && lockText(before) === numbers });
    if (target !== undefined) files.push({ file: target, text, isCurrent: same(await readText(target), text) });
    if (check === true) return checked(files);
    for (const one of files) await write(one, note);
    if (target === undefined) out(text);
  },
};

interface Values {
  readonly service?: string;
  readonly lock?: string;
  readonly out?: string;
  readonly check?: boolean;
}

/** A file as it should be. */
interface Generated {
  readonly file: string;
  readonly text: string;
  readonly isCurrent: boolean;
}

/** The texts of both files. @throws {Refusal} when the contract has no such files, or breaks with its lock. */
function generated(
  service: Service<Methods>,
  lock: { readonly file: string; readonly before: FieldNumbers | undefined } | undefined,
): { readonly numbers: string | undefined; readonly text: string } {
  try {
    if (lock === undefined) return { numbers: undefined, text: protoText(service) };
    const after = fieldNumbers(service, lock.before);
    return { numbers: lockText(after), text: protoText(numbered(service, after)) };
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new Refusal(error.message, false, error);
    throw error;
  }
}

function checked(files: readonly Generated[]): void {
  const late = files.filter(({ isCurrent }) => !isCurrent).map(({ file }) => file);
  if (late.length === 0) return;
  const are = late.length === 1 ? "is" : "are";
  throw new Refusal(`${late.join(" and ")} ${are} not up to date with the contract: run it again without --check`);
}

async function write({ file, text, isCurrent }: Generated, note: (line: string) => void): Promise<void> {
  if (isCurrent) return note(`${file} is up to date`);
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new Refusal(`cannot write ${file}: ${(error as Error).message}`, false, error);
  }
  note(`${file} is written`);
}

/** The text of a file, undefined when it is not there. */
async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "ENOENT") return undefined;
    throw new Refusal(`cannot read ${file}: ${(error as Error).message}`, false, error);
  }
}

async function readLock(file: string): Promise<FieldNumbers | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as FieldNumbers;
  } catch (error) {
    throw new Refusal(`${file} is not JSON: ${(error as Error).message}`, false, error);
  }
}

/** Whether two texts are one but for how their lines end. */
function same(before: string | undefined, after: string): boolean {
  return before?.replaceAll("\r\n", "\n") === after;
}

/** A lock with a line per field, so that a change of one is a change of one line. */
function lockText({ service, messages }: FieldNumbers): string {
  const texts = Object.entries(messages ?? {}).map(([name, fields]) => {
    const lines = Array.isArray(fields) ? fields.map((field) => `      ${line(field)}`) : [];
    return `    ${JSON.stringify(name)}: [${lines.length === 0 ? "" : `\n${lines.join(",\n")}\n    `}]`;
  });
  return `{\n  "service": ${JSON.stringify(service)},\n  "messages": {\n${texts.join(",\n")}\n  }\n}\n`;
}

function line(field: object): string {
  const parts = Object.entries(field).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{ ${parts.join(", ")} }`;
}
