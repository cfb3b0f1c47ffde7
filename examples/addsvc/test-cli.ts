/**
 * Runs addcli in this process, and gives what it prints.
 *
 * @module
 */
import { vi } from "vitest";

export interface Printed {
  readonly out: string;
  readonly err: string;
  readonly exit: number;
}

class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Runs it with these arguments, one run at a time. */
export async function addcli(...args: readonly string[]): Promise<Printed> {
  const { argv } = process;
  let [out, err, exit] = ["", "", 0];
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((text) => ((out += String(text)), true)),
    vi.spyOn(process.stderr, "write").mockImplementation((text) => ((err += String(text)), true)),
    vi.spyOn(process, "exit").mockImplementation((code) => {
      throw new Exit(Number(code));
    }),
  ];
  process.argv = [argv[0]!, "cli.js", ...args];
  vi.resetModules();
  try {
    await import("./cli.ts");
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    exit = error.code;
  } finally {
    process.argv = argv;
    for (const spy of spies) spy.mockRestore();
  }
  return { out, err, exit };
}
