/**
 * The command `servicekit`: finds the command that is asked for, runs it, and says on stderr what went wrong.
 *
 * @module
 */
import process from "node:process";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { Refusal, type Command, type CommandOption } from "./command.ts";
import { generateOpenApi } from "./generate-open-api.ts";
import { generateProto } from "./generate-proto.ts";
import { simulateCommand } from "./simulate.ts";
import { version } from "./version.ts";

/** A command more is a file more, and a line here. */
const COMMANDS: readonly Command[] = [generateOpenApi, generateProto, simulateCommand];

const FAILED = 1;
/** As the shell's own programs say that they were called in a wrong way. */
const MISUSED = 2;

// Whoever reads may have had enough, as `head` has: nothing is to be said of that.
process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
  if (code !== "EPIPE") complain(`servicekit: cannot write to stdout: ${message}`);
  process.exit(FAILED);
});
process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<number> {
  const command = COMMANDS.find(({ words }) => words.every((word, i) => args[i] === word));
  if (command === undefined) return withoutCommand(args);
  try {
    const given = parsed(command, args.slice(command.words.length));
    if (given.values["help"] === true) return say(helpOf(command));
    await command.run(given, { out: (text) => process.stdout.write(text), note: (line) => complain(line) });
    return 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    complain(`servicekit ${command.words.join(" ")}: ${error.message}`);
    if (error.isMisuse) complain(`usage: ${usageOf(command)}`);
    return error.isMisuse ? MISUSED : FAILED;
  }
}

async function withoutCommand(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (first === undefined || first === "--help" || first === "-h" || first === "help") return say(help());
  if (first === "--version" || first === "-v") return say(`${await version()}\n`);
  complain(`servicekit: there is no command ${JSON.stringify(args.slice(0, 2).join(" "))}`);
  complain("usage:");
  for (const command of COMMANDS) complain(`  ${usageOf(command)}`);
  return MISUSED;
}

function parsed(command: Command, args: readonly string[]): ReturnType<typeof parseArgs> {
  const options: ParseArgsConfig["options"] = { help: { type: "boolean", short: "h" } };
  for (const { name, value } of command.options) options[name] = { type: value === undefined ? "boolean" : "string" };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new Refusal((error as Error).message, true);
  }
}

function usageOf({ words, takes, options }: Command): string {
  return ["servicekit", ...words, takes, ...options.map((option) => `[${optionText(option)}]`)].join(" ");
}

function optionText({ name, value }: CommandOption): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

function help(): string {
  const commands = COMMANDS.map((command) => `  ${usageOf(command)}\n      ${command.says}\n`);
  return `Service Kit's command.\n\n${commands.join("\n")}\n  servicekit --version\n  servicekit <command> --help\n`;
}

function helpOf(command: Command): string {
  const options = command.options.map((option) => `  ${optionText(option).padEnd(18)}${option.says}\n`);
  return `usage: ${usageOf(command)}\n\n${command.says}\n\n${options.join("")}\n${command.more}\n`;
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(line: string): void {
  // What a document or a server says may hold what a terminal obeys.
  process.stderr.write(`${line.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd")}\n`);
}
