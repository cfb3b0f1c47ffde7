/**
 * Keeps a registry's amnesia from becoming everybody's: a list that is empty all of a sudden, or lacks most of what was there, is
 * believed only after it has been said for a while.
 *
 * @module
 */
import type { Clock, Timer } from "../time/index.ts";

/** What is not believed at once, and for how long. */
export interface LossGuardSettings {
  readonly clock: Clock;
  /** 0: an empty list is taken at once. */
  readonly emptyGraceMs: number;
  /** Undefined: only empty lists are held. */
  readonly loss: { readonly ratio: number; readonly forMs: number } | undefined;
}

/** Why a list is held, and whether this is news. */
export interface Held {
  readonly because: string;
  readonly isFirst: boolean;
}

/** Judges list after list. */
export class LossGuard {
  readonly #settings: LossGuardSettings;
  /** Called when what was held has been said for long enough. */
  readonly #believe: () => void;
  #spell: { readonly sinceMs: number; readonly count: number; timer: Timer | undefined } | undefined = undefined;

  constructor(settings: LossGuardSettings, believe: () => void) {
    this.#settings = settings;
    this.#believe = believe;
  }

  /** Undefined when a list of `next` instances may be taken in place of one of `known`. */
  judge(known: number, next: number): Held | undefined {
    const count = this.#spell?.count ?? known;
    const [forMs, because] = this.#suspicion(count, next);
    if (forMs === 0) return this.drop();
    const { clock } = this.#settings;
    const isFirst = this.#spell === undefined;
    const spell = (this.#spell ??= { sinceMs: clock.now(), count, timer: undefined });
    spell.timer?.cancel();
    const leftMs = spell.sinceMs + forMs - clock.now();
    if (leftMs <= 0) return this.drop();
    if (leftMs < Infinity) spell.timer = clock.expire(leftMs, { expire: () => (this.drop(), this.#believe()) });
    return { because, isFirst };
  }

  /** Nothing is held any more. */
  drop(): undefined {
    this.#spell?.timer?.cancel();
    this.#spell = undefined;
  }

  #suspicion(count: number, next: number): readonly [forMs: number, because: string] {
    const { emptyGraceMs, loss } = this.#settings;
    if (next === 0) return [count === 0 ? 0 : emptyGraceMs, "the list is empty all of a sudden"];
    const lost = count - next;
    // One is no landslide, and as many new ones as went are a deployment.
    if (loss === undefined || lost < 2 || lost <= count * loss.ratio) return [0, ""];
    return [loss.forMs, `${lost} of ${count} vanished at once`];
  }
}
