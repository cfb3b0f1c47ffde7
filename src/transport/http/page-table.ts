/**
 * The pages of one server, by path.
 *
 * @module
 */
import { RequestView, type Head } from "./message.ts";
import { text, type Page, type Pages, type PlainAnswer, type Served } from "./page.ts";

/** Finds pages, and answers with them. */
export class PageTable {
  readonly #pages = new Map<string, Page>();

  /** @throws {RangeError} when two pages have one path, or `isTaken` says that something else has it. */
  constructor(all: readonly Pages[], served: Served, isTaken: (path: string) => boolean) {
    for (const page of all.flatMap((pages) => pages.pages(served))) {
      const { path } = page;
      if (this.#pages.has(path) || isTaken(path))
        throw new RangeError(`a page should have a path of its own, GET ${path} is taken`);
      this.#pages.set(path, page);
    }
  }

  /** The page at a path: the exact one, else the nearest that has everything below. */
  find(path: string): Page | undefined {
    if (this.#pages.size === 0) return undefined;
    const exact = this.#pages.get(path);
    if (exact !== undefined) return exact;
    for (let slash = path.lastIndexOf("/"); slash >= 0; slash = slash === 0 ? -1 : path.lastIndexOf("/", slash - 1)) {
      const below = this.#pages.get(`${path.slice(0, slash)}/*`);
      if (below !== undefined) return below;
    }
    return undefined;
  }
}

/** What a page answers; 500 and nothing of the inside when it cannot. */
export async function pageAnswer(page: Page, head: Head): Promise<PlainAnswer> {
  try {
    return await page.answer(new RequestView(head));
  } catch {
    return text(500, "500 the page cannot be made\n");
  }
}
