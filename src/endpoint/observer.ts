/**
 * Observers: the outermost layer. They see every call of every kind, also those that never reach a handler: a 404, a 413,
 * a body that is not JSON.
 *
 * @module
 */
import type { Call } from "./call.ts";
import type { MethodInfo } from "./method.ts";

/** Which way a message of a stream goes, seen from this process. */
export type Direction = "received" | "sent";

/** Watches the calls of one method. Every part is optional; what it throws is reported and never fails the call. */
export interface Observer {
  /** The call has begun: its headers are known, its body is not. */
  start?(call: Call): void;
  /** One message of a stream has passed; `bytes` is 0 where the transport does not know. */
  message?(call: Call, direction: Direction, bytes: number): void;
  /** The call is over, exactly once: `call.outcome`, `call.durationMs` and the byte counts are final. */
  end?(call: Call): void;
}

/** Makes the observer of one method, once, at construction: the place to bind labels and prefixes. */
export type Observe = (method: MethodInfo) => Observer | undefined;

/** An observer with every part there. */
export interface FusedObserver {
  start(call: Call): void;
  message(call: Call, direction: Direction, bytes: number): void;
  end(call: Call): void;
}

const nothing = (): void => undefined;

/**
 * Joins observers into one: starts run in the order given, ends in the reverse order. The calls are written out rather
 * than looped over, which lets the machine inline them (`bench/micro.ts`); an observer that throws costs the others
 * nothing.
 *
 * @param report is told what an observer threw.
 *
 * @example
 * ```ts
 * import { fuse } from "servicekit/endpoint";
 *
 * const ended: string[] = [];
 * const both = fuse([{ end: () => ended.push("a") }, { end: () => ended.push("b") }], () => {});
 * both.end({} as never);
 * ended; // => ["b", "a"]
 * ```
 */
export function fuse(observers: readonly Observer[], report: (error: unknown) => void): FusedObserver {
  return {
    start: inOrder(observers.filter((one) => one.start !== undefined) as Starting[], report),
    message: messages(
      observers.filter((one) => one.message !== undefined),
      report,
    ),
    end: inReverse(observers.filter((one) => one.end !== undefined) as Ending[], report),
  };
}

interface Starting {
  start(call: Call): void;
}

interface Ending {
  end(call: Call): void;
}

type Report = (error: unknown) => void;

function inOrder(list: readonly Starting[], report: Report): (call: Call) => void {
  const [a, b, c, d, ...rest] = list;
  if (a === undefined) return nothing;
  if (b === undefined) {
    return function start(call) {
      try {
        a.start(call);
      } catch (error) {
        report(error);
      }
    };
  }
  if (c === undefined) {
    return function start(call) {
      try {
        a.start(call);
      } catch (error) {
        report(error);
      }
      try {
        b.start(call);
      } catch (error) {
        report(error);
      }
    };
  }
  if (d === undefined) {
    return function start(call) {
      try {
        a.start(call);
      } catch (error) {
        report(error);
      }
      try {
        b.start(call);
      } catch (error) {
        report(error);
      }
      try {
        c.start(call);
      } catch (error) {
        report(error);
      }
    };
  }
  const others = inOrder(rest, report);
  return function start(call) {
    try {
      a.start(call);
    } catch (error) {
      report(error);
    }
    try {
      b.start(call);
    } catch (error) {
      report(error);
    }
    try {
      c.start(call);
    } catch (error) {
      report(error);
    }
    try {
      d.start(call);
    } catch (error) {
      report(error);
    }
    others(call);
  };
}

function inReverse(list: readonly Ending[], report: Report): (call: Call) => void {
  const [a, b, c, d, ...rest] = list;
  if (a === undefined) return nothing;
  if (b === undefined) {
    return function end(call) {
      try {
        a.end(call);
      } catch (error) {
        report(error);
      }
    };
  }
  if (c === undefined) {
    return function end(call) {
      try {
        b.end(call);
      } catch (error) {
        report(error);
      }
      try {
        a.end(call);
      } catch (error) {
        report(error);
      }
    };
  }
  if (d === undefined) {
    return function end(call) {
      try {
        c.end(call);
      } catch (error) {
        report(error);
      }
      try {
        b.end(call);
      } catch (error) {
        report(error);
      }
      try {
        a.end(call);
      } catch (error) {
        report(error);
      }
    };
  }
  const others = inReverse(rest, report);
  return function end(call) {
    others(call);
    try {
      d.end(call);
    } catch (error) {
      report(error);
    }
    try {
      c.end(call);
    } catch (error) {
      report(error);
    }
    try {
      b.end(call);
    } catch (error) {
      report(error);
    }
    try {
      a.end(call);
    } catch (error) {
      report(error);
    }
  };
}

function messages(list: readonly Observer[], report: Report): FusedObserver["message"] {
  if (list.length === 0) return nothing;
  return function message(call, direction, bytes) {
    for (const one of list) {
      try {
        one.message!(call, direction, bytes);
      } catch (error) {
        report(error);
      }
    }
  };
}
