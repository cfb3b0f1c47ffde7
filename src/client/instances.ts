/**
 * The instances of a client: from a list or a source, into a balancer.
 *
 * @module
 */
import { balancer, type BalanceEvent, type Balancer } from "../balance/index.ts";
import { instance, type InstanceInput, type Source } from "../discovery/index.ts";
import type { ClientCall } from "./call.ts";
import { shown } from "../internal/check.ts";
import type { ClientTransport } from "../transport/index.ts";
import type { InstanceState } from "./handle.ts";
import type { BalanceOptions, From } from "./options.ts";
import { isLocal, nameOf, NOWHERE, Upstream, type UpstreamOptions } from "./upstream.ts";
import { nobody, type Instances } from "./way.ts";

/** What instances are made of. */
export interface InstancesOptions extends UpstreamOptions {
  readonly from: From | undefined;
  readonly balance: BalanceOptions | undefined;
  readonly onBalance: ((event: BalanceEvent) => void) | undefined;
  readonly report: (error: unknown) => void;
}

/** Joins the source, if there is one. */
export function instancesOf(options: InstancesOptions): HeldInstances {
  return new HeldInstances(options);
}

/** The instances of one client. */
export class HeldInstances implements Instances {
  readonly balancer: Balancer<Upstream>;
  /** For people. */
  readonly text: string;
  readonly panicRatio: number;
  isKnown: boolean;
  isClosed = false;
  readonly #source: Source | undefined;
  #learning: AbortController | undefined = undefined;
  /** Ends the waits of calls, when it is closed before anything was known. */
  readonly #waiting = new Set<() => void>();

  constructor(options: InstancesOptions) {
    const { transport, clock, random, report } = options;
    const from = fromOf(transport, options.from);
    this.balancer = balancer({
      // A broker stands for all its instances: out with it would be out with them.
      ...(transport.isBroker === true ? { ejection: false } : {}),
      ...options.balance,
      from,
      open: (one) => new Upstream(one, options),
      close: (upstream) => upstream.channel.close(),
      onEvent: (event) => {
        if (event.kind === "failed") report(event.error);
        options.onBalance?.(event);
      },
      clock,
      random,
    });
    this.text = textOf(transport, from);
    this.#source = isSource(from) ? from : undefined;
    this.panicRatio = options.balance?.panicRatio ?? 0.5;
    this.isKnown = !isSource(from) || from.listing.state !== "starting";
    if (!this.isKnown) this.#learn();
  }

  #learn(): void {
    this.#learning = new AbortController();
    this.balancer.ready(this.#learning.signal).then(
      () => (this.isKnown = true),
      // Closed before anything was known.
      () => undefined,
    );
  }

  explain(): readonly InstanceState[] {
    const numbers = new Map(this.balancer.snapshot().map((one) => [one.id, one]));
    return this.balancer.explain().map((one) => ({ ...one, ...numbers.get(one.instance.id) }));
  }

  ready(call: ClientCall): Promise<void> {
    // Its registry's trouble is the reason, and not that time has passed.
    call.awaited = () => nobody(this, this.#source?.listing.error);
    const wait = new AbortController();
    const link = call.onCancel((reason) => wait.abort(reason));
    const close = (): void => wait.abort(nobody(this));
    this.#waiting.add(close);
    return this.balancer
      .ready(wait.signal)
      .then(() => void (this.isKnown = true))
      .finally(() => {
        this.#waiting.delete(close);
        call.awaited = undefined;
        link.cancel();
      });
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.isKnown = true;
    this.#learning?.abort();
    for (const end of this.#waiting) end();
    return this.balancer.close();
  }
}

function isSource(from: unknown): from is Source {
  return (from as { readonly "~source"?: unknown } | null | undefined)?.["~source"] === true;
}

function fromOf(transport: ClientTransport, from: From | undefined): Source | readonly InstanceInput[] {
  if (isLocal(transport)) {
    if (from !== undefined)
      throw new RangeError(`from should be left out, since ${transport.name} needs no address, got ${shown(from)}`);
    return [instance(NOWHERE)];
  }
  if (isSource(from)) return from;
  const list: readonly unknown[] = Array.isArray(from) ? (from as readonly unknown[]) : [from];
  if (list.length === 0) throw new RangeError("from should hold at least one instance, got an array of 0");
  return list.map((one) => {
    const address: unknown = typeof one === "object" && one !== null ? (one as InstanceInput).address : one;
    if (typeof address !== "string" || address === "")
      throw new RangeError(`from should be an address, a list of them or a source, got ${shown(one)}`);
    return instance(one as string | InstanceInput);
  });
}

function textOf(transport: ClientTransport, from: Source | readonly InstanceInput[]): string {
  if (isSource(from)) return `${transport.name} ${from.name}`;
  if (isLocal(transport)) return transport.name;
  return [transport.name, ...from.map(({ address }) => nameOf(address))].join(" ");
}
