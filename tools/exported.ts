/**
 * The doors and the names behind each, as the sources have them.
 *
 * @module
 */
import { presentDoors } from "./doors.mjs";
import { exportsOf, type Declared } from "./source.ts";

/** A door with every name it exports, sorted by name. */
export interface DoorNames {
  readonly door: string;
  readonly room: string;
  readonly names: readonly Declared[];
}

/** Every door whose source exists, in the order of the exports map. */
export function doorNames(): DoorNames[] {
  return presentDoors.map(({ door, room, name }) => ({
    door,
    room,
    names: exportsOf(`src/${name}.ts`).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }));
}
