/**
 * The ids of requests as they were written. A number no double holds exactly, as 64-bit ids are, must come back as it
 * went; JSON.parse has rounded it.
 *
 * @module
 */

const NUMBER = /[\s:]*([-+.eE\d]+)/y;

/**
 * The texts of those ids in a message that are numbers: in a batch by position, else at 0. It expects a text that
 * JSON.parse has accepted.
 */
export function idTexts(text: string): readonly (string | undefined)[] {
  const found: (string | undefined)[] = [];
  // A request's members stand at depth 1, or 2 in a batch.
  const members = text.trimStart().startsWith("[") ? 2 : 1;
  let depth = 0;
  let index = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    else if (char === "," && depth === 1 && members === 2) index++;
    if (char !== '"') continue;
    const start = i;
    i = endOfString(text, i);
    if (depth !== members || !isIdKey(text.slice(start, i + 1))) continue;
    NUMBER.lastIndex = i + 1;
    const id = NUMBER.exec(text)?.[1];
    // Behind a value called "id" stands a comma or a brace, behind a key a colon and perhaps a number.
    if (id !== undefined) found[index] = id;
  }
  return found;
}

function isIdKey(raw: string): boolean {
  return raw === '"id"' || (raw.length <= 14 && raw.includes("\\") && JSON.parse(raw) === "id");
}

function endOfString(text: string, start: number): number {
  let end = start + 1;
  while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  return end;
}
