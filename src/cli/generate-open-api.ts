/**
 * `servicekit generate openapi`: writes the contract of an OpenAPI document.
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { contractFrom, type GeneratedContract } from "../documents/generate.ts";
import { Refusal, type Command } from "./command.ts";
import { readDocument } from "./read.ts";

/** The command. */
export const generateOpenApi: Command = {
  words: ["generate", "openapi"],
  takes: "<file|url|->",
  says: "Writes a contract from an OpenAPI document (3.0 or 3.1, JSON).",
  more:
    "Without --out the file goes to stdout. What the contract does not carry is told on stderr.\n" +
    "A document in YAML is converted first: npx js-yaml api.yaml | servicekit generate openapi -",
  options: [
    { name: "out", value: "<file>", says: "where to write the TypeScript file" },
    { name: "name", value: "<service>", says: "the service's name; default: what the document says" },
  ],
  async run({ values, positionals }, { out, note }) {
    const [from] = positionals;
    if (from === undefined) throw new Refusal("give a file, a URL, or - for stdin", true);
    if (positionals.length > 1) throw new Refusal(`one document at a time, got ${positionals.length}`, true);
    const { text, methods, notes } = generated(parsed(await readDocument(from), from), from, values["name"]);
    const target = values["out"] as string | undefined;
    if (target === undefined) out(text);
    else await write(target, text);
    for (const { where, says } of notes) note(`note: ${where}: ${says}`);
    note(`${count(methods, "method")}${target === undefined ? "" : ` in ${target}`}, ${count(notes.length, "note")}`);
  },
};

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function parsed(text: string, from: string): unknown {
  try {
    // A mark at the beginning is allowed to be ignored (RFC 8259 §8.1).
    return JSON.parse(text.replace(/^\ufeff/, "")) as unknown;
  } catch (error) {
    const isYaml = /^\s*(?:#.*\s*|---\s*)*["']?(?:openapi|swagger)["']?\s*:/.test(text);
    const says = isYaml ? "it is YAML; convert it: npx js-yaml api.yaml > api.json" : (error as Error).message;
    throw new Refusal(`${from} is not JSON: ${says}`, false, error);
  }
}

function generated(document: unknown, from: string, name: unknown): GeneratedContract {
  const source = from === "-" ? undefined : sourceName(from);
  try {
    return contractFrom(document, { name: name as string | undefined, from: source });
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new Refusal(error.message, false, error);
    throw error;
  }
}

/** What the file says it is from: no folder of this machine, no password, no query. */
function sourceName(from: string): string {
  if (!/^https?:\/\//i.test(from)) return basename(from);
  const { host, pathname } = new URL(from);
  return host + pathname;
}

async function write(target: string, text: string): Promise<void> {
  try {
    await writeFile(target, text);
  } catch (error) {
    throw new Refusal(`cannot write ${target}: ${(error as Error).message}`, false, error);
  }
}
