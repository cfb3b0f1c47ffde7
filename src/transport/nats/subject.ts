/**
 * Which subject stands for which method.
 *
 * @module
 */
import { checkFunction, shown } from "../../internal/check.ts";

/** The subject of a method; the same for server and clients. */
export type SubjectOf = (service: string, method: string) => string;

/**
 * What stands in the place of a method's name for the subject on which callers take back requests. No method can be named
 * so.
 */
export const CANCEL = "$cancel";

const SUBJECT = /^[!-)+-\-/-=?-~]+(?:\.[!-)+-\-/-=?-~]+)*$/;

/** `service.method`. */
function plainSubject(service: string, method: string): string {
  return `${service}.${method}`;
}

/** Checks the option `subjects`, and fills in the default. */
export function subjectsOf(subjects: SubjectOf | undefined): SubjectOf {
  if (subjects === undefined) return plainSubject;
  checkFunction("subjects", subjects);
  return function checkedSubject(service, method) {
    const subject: unknown = subjects(service, method);
    if (typeof subject === "string" && subject.length <= 255 && SUBJECT.test(subject)) return subject;
    throw new RangeError(
      `subjects("${service}", "${method}") should be tokens of visible ASCII joined by dots, without * and >, got ${shown(subject)}`,
    );
  };
}

const TOKENS = { pattern: /^[\w$-]{1,64}(?:\.[\w$-]{1,64}){0,7}$/, says: "tokens of letters joined by dots" };

/** What the prefix of an inbox should look like. */
export const INBOX_PREFIX: { readonly pattern: RegExp; readonly says: string } = TOKENS;
