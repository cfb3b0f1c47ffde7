/**
 * `tracestate`, the list in which vendors keep what is theirs (W3C Trace Context Level 2, §3.3). It is passed on, never
 * added to.
 *
 * @module
 */

/** What is passed on of a `tracestate` (§3.3: at least 512 characters, at most 32 members). */
const MAX_STATE_CHARS = 512;
const MAX_STATE_MEMBERS = 32;

/** Members longer than this go first when a list is too long (§3.3). */
const LONG_MEMBER_CHARS = 128;

/** No more than this is looked at: eight times what is passed on. */
const MAX_STATE_READ = 4096;

const STATE_KEY = /^[a-z0-9][a-z0-9_\-*/@]{0,255}$/;
const STATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/;

/**
 * A `tracestate` as it may be passed on: "" when it is malformed, has a key twice or more than 32 members; without
 * optional white space and empty members; with whole members left out, long ones first, where it passes 512 characters.
 */
export function cleanState(text: string | undefined): string {
  if (text === undefined || text === "" || text.length > MAX_STATE_READ) return "";
  const members: string[] = [];
  const keys = new Set<string>();
  for (const part of text.split(",")) {
    const member = trimmed(part);
    if (member === "") continue;
    const equals = member.indexOf("=");
    const key = member.slice(0, Math.max(equals, 0));
    if (!STATE_KEY.test(key) || !STATE_VALUE.test(member.slice(equals + 1))) return "";
    if (keys.has(key) || members.length === MAX_STATE_MEMBERS) return "";
    keys.add(key);
    members.push(member);
  }
  return shortened(members);
}

function shortened(members: string[]): string {
  let chars = members.reduce((sum, member) => sum + member.length + 1, -1);
  for (let i = members.length - 1; i >= 0 && chars > MAX_STATE_CHARS; i--) {
    if (members[i]!.length <= LONG_MEMBER_CHARS) continue;
    chars -= members[i]!.length + 1;
    members.splice(i, 1);
  }
  while (chars > MAX_STATE_CHARS) chars -= members.pop()!.length + 1;
  return members.join(",");
}

// `trim` would also take line breaks, and a pattern for the end of a text looks at every run of spaces twice.
function trimmed(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
