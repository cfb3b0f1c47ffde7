/** A key of `exports` that is code. */
export interface Door {
  /** As in the map: `./time`. */
  readonly key: string;
  /** As users write it: `servicekit/time`. */
  readonly door: string;
  /** The folder below src, "" for the root. */
  readonly room: string;
  /** The file below src and dist, without its ending: `time/index`. */
  readonly name: string;
  readonly types: string;
  readonly code: string;
}
export const root: string;
export const packageJson: {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
};
export const doors: readonly Door[];
export const presentDoors: readonly Door[];

/** A program of the package. */
export interface Program {
  /** As it is called. */
  readonly program: string;
  /** The file below src and dist, without its ending: `cli/main`. */
  readonly name: string;
  /** The built file: `dist/cli/main.js`. */
  readonly code: string;
}
export const programs: readonly Program[];
