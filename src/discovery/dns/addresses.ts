/**
 * The addresses of hosts, with what each was known by last: a look-up that fails takes nobody out.
 *
 * @module
 */
import type { RecordWithTtl } from "node:dns";
import type { Lookups } from "./lookups.ts";

/** What is known of a host. */
export interface Found {
  /** Of all families, now or before. */
  readonly records: readonly RecordWithTtl[];
  /** Why a family was not answered. */
  readonly errors: readonly Error[];
}

/** How many questions are asked at the same time. */
const AT_ONCE = 16;

/** Remembers what hosts were known by, family by family, since one may fail while the other answers. */
export class Addresses {
  readonly #families: readonly (4 | 6)[];
  #known: ReadonlyMap<string, readonly RecordWithTtl[]> = new Map();

  constructor(families: readonly (4 | 6)[]) {
    this.#families = families;
  }

  /** Looks all of them up, and forgets any others. What is found is by host. */
  async look(ask: Lookups, hosts: readonly string[]): Promise<ReadonlyMap<string, Found>> {
    const questions = hosts.flatMap((host) => this.#families.map((family) => ({ host, family })));
    const known = new Map<string, readonly RecordWithTtl[]>();
    const found = new Map(hosts.map((host) => [host, { records: [] as RecordWithTtl[], errors: [] as Error[] }]));
    let next = 0;
    const askSome = async (): Promise<void> => {
      while (next < questions.length) {
        const { host, family } = questions[next++]!;
        const key = `${family} ${host}`;
        const last = this.#known.get(key);
        const records = await ask.addresses(host, family).catch((error: unknown) => {
          found.get(host)!.errors.push(error as Error);
          return last;
        });
        if (records !== undefined) known.set(key, records);
        found.get(host)!.records.push(...(records ?? []));
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, questions.length) }, askSome));
    this.#known = known;
    return found;
  }
}
