/**
 * The head of one part: its name, the name of its file, its type (RFC 7578 §4, RFC 6266 for the form of the parameters).
 *
 * @module
 */
import { malformed, tooLarge } from "./scanner.ts";

/** What the head of a part says. */
export interface PartHead {
  readonly name: string;
  readonly filename: string | undefined;
  readonly contentType: string;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}):(.*)$/s;

/** Reads the head of a part out of its lines. */
export function readHead(lines: readonly Uint8Array[], maxHeaders: number): PartHead {
  if (lines.length > maxHeaders) throw tooLarge("the head of a part");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = LINE.exec(decoded(line)) ?? [];
    if (name === undefined) throw malformed("a part has a header that cannot be read");
    const lower = name.toLowerCase();
    // Two that disagree would be read in one way here and in another behind.
    if (headers.has(lower)) throw malformed("a part has a header twice");
    headers.set(lower, value!.trim());
  }
  const disposition = headers.get("content-disposition");
  if (disposition === undefined) throw malformed("a part has no Content-Disposition");
  // RFC 7578 §4.7: nobody should send it. What is not decoded must not be taken for the content.
  const transfer = headers.get("content-transfer-encoding") ?? "binary";
  if (!/^(?:7bit|8bit|binary)$/i.test(transfer))
    throw malformed("a part has a transfer encoding, which is not supported");
  const parameters = readDisposition(disposition);
  const name = parameters.get("name");
  if (name === undefined) throw malformed("a part has no name");
  const filename = extended(parameters.get("filename*")) ?? parameters.get("filename");
  return {
    name,
    filename: filename === undefined ? undefined : withoutPath(filename),
    contentType: headers.get("content-type") ?? (filename === undefined ? "text/plain" : "application/octet-stream"),
  };
}

const PARAMETER = /;[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[^])*)"|([^\s";]*))[ \t]*/y;

function readDisposition(text: string): ReadonlyMap<string, string> {
  const type = /^form-data[ \t]*/i.exec(text)?.[0];
  if (type === undefined) throw malformed("a part is no form-data");
  const parameters = new Map<string, string>();
  for (PARAMETER.lastIndex = type.length; PARAMETER.lastIndex < text.length;) {
    const from = PARAMETER.lastIndex;
    const found = PARAMETER.exec(text);
    if (found === null) {
      if (/^;?[ \t]*$/.test(text.slice(from))) break;
      throw malformed("the Content-Disposition of a part cannot be read");
    }
    const name = found[1]!.toLowerCase();
    if (parameters.has(name)) throw malformed("the Content-Disposition of a part says something twice");
    parameters.set(name, found[2] === undefined ? found[3]! : unquoted(found[2]));
  }
  return parameters;
}

// Older senders escape with a backslash, yet a backslash before anything but a quote or another may be one of a Windows path.
// Browsers write these three as percent-encoding and nothing else (WHATWG HTML §4.10.21.8).
function unquoted(text: string): string {
  const plain = text.replaceAll(/\\(["\\])/g, "$1");
  return plain.replaceAll("%22", '"').replaceAll("%0D", "\r").replaceAll("%0A", "\n");
}

/** RFC 8187 §3.2.1; RFC 7578 forbids it here, and some clients write it all the same. */
function extended(text: string | undefined): string | undefined {
  const encoded = text === undefined ? undefined : /^utf-8'[^']*'(.*)$/is.exec(text)?.[1];
  if (text !== undefined && encoded === undefined) throw malformed("the name of a file cannot be read");
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    throw malformed("the name of a file cannot be read");
  }
}

/** What follows the last slash, without control characters: still nothing to name a file by. */
function withoutPath(filename: string): string {
  const last = filename.slice(Math.max(filename.lastIndexOf("/"), filename.lastIndexOf("\\")) + 1);
  const plain = last.replaceAll(/[\u0000-\u001f\u007f]/g, "");
  return plain === "." || plain === ".." ? "" : plain;
}

function decoded(line: Uint8Array): string {
  try {
    return UTF8.decode(line);
  } catch {
    throw malformed("the head of a part is not UTF-8");
  }
}

/**
 * The boundary out of a content type (RFC 2046 §5.1.1): 1 to 70 characters.
 *
 * @throws {ServiceError} malformed_message when there is none.
 */
export function boundaryOf(contentType: string | undefined): string {
  const [, quoted, token] =
    /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s";,]{1,70}))\s*(?:;|$)/i.exec(contentType ?? "") ?? [];
  const boundary = quoted ?? token;
  if (boundary === undefined || !/^[0-9A-Za-z'()+_,\-./:=? ]*[0-9A-Za-z'()+_,\-./:=?]$/.test(boundary))
    throw malformed("the content type names no boundary");
  return boundary;
}
