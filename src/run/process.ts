/**
 * The process as a group needs it: signals in, an exit code out. Taken by shape, so that nothing here needs Node.
 *
 * @module
 */

/** The signals that ask a process to end. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** Where signals come from; `globalThis.process` is one. */
export interface SignalSource {
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
}

/**
 * Takes a group's exit code. When the group has ended by itself `isForced` is false: note the code, and let the process end
 * when nothing is left to do. After a second signal it is true: end the process now.
 */
export type Exit = (code: number, isForced: boolean) => void;

/** The signals a group listens for, each with its number: a process that a signal ends has the code 128 + number. */
export const STOP_SIGNALS: Readonly<Record<StopSignal, number>> = { SIGINT: 2, SIGTERM: 15 };

interface Process extends SignalSource {
  exitCode?: number | string | null | undefined;
  exit(code: number): void;
  readonly stderr?: { write(text: string): unknown } | undefined;
}

const found = (): Process | undefined => (globalThis as { readonly process?: Process }).process;

/** The signals of this process, where there is one. */
export function processSignals(): SignalSource | undefined {
  const own = found();
  return typeof own?.on === "function" && typeof own.off === "function" ? own : undefined;
}

/** Ends this process. */
export function exitProcess(code: number, isForced: boolean): void {
  const own = found();
  if (own === undefined) return;
  if (isForced) own.exit(code);
  // A failure that somebody else has noted must not become a success.
  else if (code !== 0) own.exitCode = code;
}

/** Writes a line where failures of this process are read. */
export function writeError(line: string): void {
  found()?.stderr?.write(`${line}\n`);
}
