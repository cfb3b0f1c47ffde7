/**
 * Flags as Go's flag package reads them: `-name value`, `-name=value`, `--name`, and a usage text.
 *
 * @module
 */

/** By name: the default, which says whether it is a text or a switch, and what it is for. */
type Known = Readonly<Record<string, readonly [value: string | boolean, about: string]>>;

type Values<F extends Known> = { readonly [N in keyof F]: F[N][0] };

// A letter: where Go takes -1 for a flag that it does not know, it is a number here.
const FLAG = /^--?([a-z][^=]*)(?:=(.*))?$/s;

/** The flags' values and the arguments behind them. Ends the process with the usage when they are not as they should be. */
export function flags<F extends Known>(command: string, known: F, count?: number): Values<F> & { args: string[] } {
  const values = Object.fromEntries(Object.entries(known).map(([name, [value]]) => [name, value]));
  const args = process.argv.slice(2);
  const usage = (code: number, problem = ""): never => {
    const lines = Object.entries(known).map(
      ([name, [value, about]]) => `  -${`${name} ${value}`.padEnd(24)}  ${about}\n`,
    );
    process.stderr.write(`${problem}USAGE\n  ${command}\n\nFLAGS\n${lines.join("")}\n`);
    process.exit(code);
  };
  for (let flag = FLAG.exec(args[0] ?? ""); flag !== null; flag = FLAG.exec(args[0] ?? "")) {
    const [, name = "", value] = flag;
    args.shift();
    if (name === "h" || name === "help") usage(0);
    if (!Object.hasOwn(known, name)) usage(2, `flag provided but not defined: -${name}\n`);
    if (typeof values[name] === "boolean") values[name] = value !== "false";
    else values[name] = value ?? args.shift() ?? usage(2, `flag needs an argument: -${name}\n`);
  }
  if (args[0] === "--") args.shift();
  if (count !== undefined && args.length !== count) usage(1);
  return { ...(values as Values<F>), args };
}

/** Go's duration, in seconds or milliseconds: `2s`, `250ms`. */
export function milliseconds(text: string): number {
  return Number.parseFloat(text) * (text.endsWith("ms") ? 1 : 1000);
}

/** Go's `host:port`, where the host may be left out. */
export function address(text: string): { readonly port: number; readonly host?: string } {
  const [, host = "", port = text] = /^\[?(.*?)\]?:(\d+)$/.exec(text) ?? [];
  return { port: Number(port), ...(host === "" ? {} : { host }) };
}
