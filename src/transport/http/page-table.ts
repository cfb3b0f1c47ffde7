/**
 * The pages of one server, by path.
 *
 * @module
 */
import { ReplyDraft, RequestView, type Head } from "./message.ts";
import { text, type Page, type Pages, type PlainAnswer, type Served } from "./page.ts";

/** Finds pages, and answers with them. */
export class PageTable {
  readonly #pages = new Map<string, Page>();
  /** Those that have everything below, the nearest first: what their paths begin with. */
  readonly #below: (readonly [begin: string, page: Page])[] = [];

  /** @throws {RangeError} when two pages have one path, or `isTaken` says that something else has it. */
  constructor(all: readonly Pages[], served: Served, isTaken: (path: string) => boolean) {
    for (const page of all.flatMap((pages) => pages.pages(served))) {
      const { path } = page;
      if (this.#pages.has(path) || isTaken(path))
        throw new RangeError(`a page should have a path of its own, GET ${path} is taken`);
      this.#pages.set(path, page);
      if (path.endsWith("/*")) this.#below.push([path.slice(0, -1), page]);
    }
    this.#below.sort(([a], [b]) => b.length - a.length);
  }

  /** The page at a path: the exact one, else the nearest that has everything below. */
  find(path: string): Page | undefined {
    if (this.#pages.size === 0) return undefined;
    const exact = this.#pages.get(path);
    if (exact !== undefined) return exact;
    // Not from slash to slash: a path may be nothing but slashes, and each would be looked up.
    return this.#below.find(([begin]) => path.startsWith(begin))?.[1];
  }
}

// What cannot be written would be found out where nobody could answer any more.
function checked(answer: PlainAnswer): PlainAnswer {
  const { status, headers, body = "" } = answer;
  const draft = new ReplyDraft(status, undefined, body);
  for (let i = 0; i < headers.length; i += 2) draft.append(headers[i]!, headers[i + 1]!);
  draft.check();
  return answer;
}

/** What a page answers; 500 and nothing of the inside when it cannot. */
export async function pageAnswer(page: Page, head: Head): Promise<PlainAnswer> {
  try {
    return checked(await page.answer(new RequestView(head)));
  } catch {
    return text(500, "500 the page cannot be made\n");
  }
}
