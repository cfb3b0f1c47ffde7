/**
 * An app's readiness for many who watch it: one look a second while somebody does, however many they are.
 *
 * @module
 */
import type { Context, Subscription } from "../../endpoint/index.ts";
import type { Expiring, Timer } from "../../time/index.ts";
import type { App } from "../server.ts";

/** How often the app is asked: a check of a database stands behind it. */
const LOOK_MS = 1000;

/** What was last seen of an app's readiness. */
export class Readiness implements Expiring {
  readonly #app: App;
  readonly #waiting = new Set<() => void>();
  #timer: Timer | undefined = undefined;
  /** Whether it was ready. */
  ok = false;
  /** Whether it will never be ready again. */
  isOver = false;

  constructor(app: App) {
    this.#app = app;
  }

  /** Asks the app now. Never throws: who cannot say that it is ready is not. */
  async look(): Promise<boolean> {
    let [ok, isOver] = [false, false];
    try {
      const answer = await this.#app.health.ready();
      [ok, isOver] = [answer.ok, answer.state === "draining"];
    } catch {
      // As it is.
    }
    this.isOver ||= isOver;
    return (this.ok = ok && !this.isOver);
  }

  /** Resolves when the app was asked again, at most a second from now, or when the call is called off. */
  next(context: Context): Promise<void> {
    this.#timer ??= this.#app.clock.expire(LOOK_MS, this);
    return new Promise((resolve) => {
      let subscription: Subscription | undefined = undefined;
      const done = (): void => {
        subscription?.cancel();
        this.#waiting.delete(done);
        if (this.#waiting.size === 0) this.#stop();
        resolve();
      };
      this.#waiting.add(done);
      subscription = context.onCancel(done);
    });
  }

  /** The app is ready no more, for good. */
  end(): void {
    this.ok = false;
    this.isOver = true;
    this.#wake();
  }

  expire(): void {
    this.#timer = undefined;
    void this.look().then(() => this.#wake());
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
