/**
 * Flags as Go's flag package reads them: `-name value`, `-name=value`, `--name`, and a usage text.
 *
 * @module
 */
import { parseArgs } from "node:util";

export type Flags = Readonly<Record<string, readonly [value: string | boolean, usage: string]>>;

/** The flags' values and the arguments behind them; prints the usage and exits with 2 on a flag that is not there. */
export function flags<F extends Flags>(command: string, known: F): { readonly [N in keyof F]: F[N][0] } & { readonly args: string[] } {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, [value]]) => [name, { type: typeof value as "string" | "boolean", default: value }]),
  );
  // Negative numbers are arguments, one dash is as good as two.
  const isFlag = (arg: string): boolean => /^-{1,2}[a-z]/.test(arg);
  const end = process.argv.slice(2).findIndex((arg, i, all) => !isFlag(arg) && !takesNext(known, all[i - 1]));
  const given = process.argv.slice(2);
  const [before, args] = end < 0 ? [given, []] : [given.slice(0, end), given.slice(end)];
  try {
    const { values } = parseArgs({ args: before.map((arg) => (isFlag(arg) ? arg.replace(/^-{1,2}/, "--") : arg)), options });
    return { ...(values as { readonly [N in keyof F]: F[N][0] }), args };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\nUSAGE\n  ${command} [flags]\n\nFLAGS\n`);
    for (const [name, [value, usage]] of Object.entries(known)) process.stderr.write(`  -${name} ${String(value)}  ${usage}\n`);
    process.exit(2);
  }
}

function takesNext(known: Flags, arg: string | undefined): boolean {
  const name = arg?.replace(/^-{1,2}/, "") ?? "";
  return arg !== undefined && arg !== name && typeof known[name]?.[0] === "string";
}
