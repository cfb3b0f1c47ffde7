/**
 * What has changed between two lists.
 *
 * @module
 */
import type { Instance } from "./instance.ts";

/** What came, went and became another. */
export interface Difference {
  readonly added: readonly Instance[];
  readonly removed: readonly Instance[];
  readonly changed: readonly Instance[];
}

/** What is different in `after`, where the same object means the same instance; undefined: nothing. */
export function difference(
  before: ReadonlyMap<string, Instance>,
  after: ReadonlyMap<string, Instance>,
): Difference | undefined {
  const [added, removed, changed]: Instance[][] = [[], [], []] as const;
  let kept = 0;
  for (const [id, one] of after) {
    const old = before.get(id);
    if (old === undefined) added!.push(one);
    else {
      kept++;
      if (old !== one) changed!.push(one);
    }
  }
  // Most often nothing went, and the second pass is not needed.
  if (kept < before.size) for (const [id, one] of before) if (!after.has(id)) removed!.push(one);
  if (added!.length + removed!.length + changed!.length === 0) return undefined;
  return { added: added!, removed: removed!, changed: changed! };
}
