/**
 * What a command of `servicekit` is: one file each, and a line in the list of the main file.
 *
 * @module
 */

/** One command. */
export interface Command {
  /** How it is called: `["generate", "openapi"]`. */
  readonly words: readonly string[];
  /** What it takes besides its options, as the usage shows it. */
  readonly takes: string;
  /** What it does, in a sentence. */
  readonly says: string;
  /** What else its help says. */
  readonly more: string;
  readonly options: readonly CommandOption[];
  /** Runs it. @throws {Refusal} when it cannot do what is asked. */
  run(given: GivenArguments, to: Outlet): Promise<void>;
}

/** An option. */
export interface CommandOption {
  readonly name: string;
  /** What its value is, as the usage shows it; undefined when it takes none and is true or not there. */
  readonly value: string | undefined;
  readonly says: string;
}

/** The arguments after the command's words. */
export interface GivenArguments {
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}

/** Where a command writes. */
export interface Outlet {
  /** Its result, to stdout. */
  out(text: string): void;
  /** A line for people, to stderr. */
  note(line: string): void;
}

/** Ends a command with a message for whoever called it. */
export class Refusal extends Error {
  /** Whether it was called in a wrong way, so that the usage helps. */
  readonly isMisuse: boolean;

  constructor(message: string, isMisuse = false, cause?: unknown) {
    super(message, { cause });
    this.name = "Refusal";
    this.isMisuse = isMisuse;
  }
}
