import { STATUS_CODES } from "node:http";
import { expect, it } from "vitest";
import { phraseOf } from "./status-phrase.ts";

it("the phrases are those node has for the statuses of errors", () => {
  const known = Object.entries(STATUS_CODES).filter(([status]) => phraseOf(Number(status)) !== "Error");
  expect(known.length).toBeGreaterThan(30);
  for (const [status, phrase] of known) expect(phraseOf(Number(status))).toBe(phrase);
  expect(phraseOf(499)).toBe("Error");
});
