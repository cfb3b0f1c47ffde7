/**
 * Programs that the examples' tests run beside themselves.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** A program that runs until it is disposed of. */
export interface Program extends AsyncDisposable {
  /** What it said when it was ready. */
  readonly said: string;
  /** Ends it as a crash would, and waits for that; again is fine. */
  kill(): Promise<void>;
}

/** Runs a command; resolves when it has said `until`, rejects when it ends before. */
export async function program(command: readonly string[], until = "\n"): Promise<Program> {
  const [path = "", ...args] = command;
  const child = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${command.join(" ")} ended with ${code}, and said only: ${said}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes(until)) resolve();
    });
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return { said: said.trim(), kill, [Symbol.asyncDispose]: kill };
}
