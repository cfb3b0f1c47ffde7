/**
 * The lines of a body that comes in pieces.
 *
 * @module
 */

/** Gives each line that is not empty, without its end; throws a RangeError when one is longer than `maxBytes`. */
export async function* jsonLines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let size = 0;
  function take(): string {
    const line = (parts.length === 1 ? parts[0]! : Buffer.concat(parts, size)).toString("utf8").trim();
    parts = [];
    size = 0;
    return line;
  }
  function add(part: Buffer): void {
    size += part.length;
    if (size > maxBytes) throw new RangeError(`a line has more than ${maxBytes} bytes`);
    if (part.length > 0) parts.push(part);
  }
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      add(chunk.subarray(from, end));
      from = end + 1;
      const line = size === 0 ? "" : take();
      if (line !== "") yield line;
    }
    add(chunk.subarray(from));
  }
  const rest = size === 0 ? "" : take();
  if (rest !== "") yield rest;
}
