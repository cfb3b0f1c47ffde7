/**
 * The text of a JSON message as it is read, token by token, never past its end.
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import { Input } from "./input.ts";
import { cutShort, malformed } from "./types.ts";

const CONTROL = /[\u0000-\u001f]/g;

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A cursor over the text of one message. */
export abstract class JsonInput extends Input {
  protected readonly text: string;
  protected pos = 0;

  constructor(bytes: Buffer, maxDepth: number) {
    super(bytes, maxDepth);
    if (!isUtf8(bytes)) throw malformed("the message is not UTF-8");
    this.text = bytes.toString("utf8");
  }

  override get isAtEnd(): boolean {
    this.space();
    return this.pos === this.text.length;
  }

  protected match(pattern: RegExp): string {
    this.space();
    pattern.lastIndex = this.pos;
    const found = pattern.exec(this.text);
    if (found === null) throw malformed("a number is not one");
    this.pos = pattern.lastIndex;
    return found[0];
  }

  protected string(): string {
    this.expect('"');
    const text = this.text;
    const begin = this.pos;
    let end = begin;
    let isEscaped = false;
    for (; end < text.length; end++) {
      const code = text.charCodeAt(end);
      if (code === 0x22) break;
      if (code === 0x5c) {
        isEscaped = true;
        end++;
      }
    }
    if (end >= text.length) throw cutShort();
    this.pos = end + 1;
    const raw = text.slice(begin, end);
    if (!isEscaped) return raw;
    try {
      // Apache's own writers leave control characters as they are.
      return JSON.parse(`"${raw.replace(CONTROL, escaped)}"`) as string;
    } catch {
      throw malformed("a string is not JSON");
    }
  }

  protected space(): void {
    const text = this.text;
    while (this.pos < text.length && text.charCodeAt(this.pos) <= 0x20) this.pos++;
  }

  protected peek(): string | undefined {
    this.space();
    return this.text[this.pos];
  }

  protected expect(char: string): void {
    this.space();
    if (this.text[this.pos] !== char) {
      throw this.pos >= this.text.length ? cutShort() : malformed("the message is not as it should be");
    }
    this.pos++;
  }
}
