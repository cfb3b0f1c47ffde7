/**
 * What to say of a keyword that does not hold.
 *
 * @module
 */

/** The rule, in words that follow the place: "should be an integer". */
export function messageOf(keyword: string, rule: unknown): string {
  const say = MESSAGES[keyword];
  return say === undefined ? "should fit the schema" : say(rule);
}

const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  integer: "an integer",
  boolean: "true or false",
  null: "null",
  array: "a list",
  object: "an object",
};

const MESSAGES: Readonly<Record<string, (rule: unknown) => string>> = {
  type: (rule) =>
    `should be ${[rule]
      .flat()
      .map((type) => TYPES[type as string])
      .join(" or ")}`,
  const: (rule) => `should be ${text(rule)}`,
  enum: (rule) => `should be ${listed(rule as readonly unknown[])}`,
  false: () => "should not be there",
  not: () => "should not have this form",
  anyOf: () => "should have one of the allowed forms",
  oneOf: () => "should have exactly one of the allowed forms",
  propertyNames: () => "should have allowed names only",
  dependentRequired: () => "should have the fields that others ask for",
  minProperties: (rule) => `should have at least ${count(rule, "field")}`,
  maxProperties: (rule) => `should have at most ${count(rule, "field")}`,
  minItems: (rule) => `should have at least ${count(rule, "item")}`,
  maxItems: (rule) => `should have at most ${count(rule, "item")}`,
  uniqueItems: () => "should not have an item twice",
  contains: () => "should have an item of the required form",
  minContains: (rule) => `should have at least ${count(rule, "item")} of the required form`,
  maxContains: (rule) => `should have at most ${count(rule, "item")} of the required form`,
  minLength: (rule) => `should have at least ${count(rule, "character")}`,
  maxLength: (rule) => `should have at most ${count(rule, "character")}`,
  pattern: (rule) => `should match ${text(rule)}`,
  format: (rule) => `should have the format ${text(rule)}`,
  minimum: (rule) => `should be at least ${text(rule)}`,
  maximum: (rule) => `should be at most ${text(rule)}`,
  exclusiveMinimum: (rule) => `should be more than ${text(rule)}`,
  exclusiveMaximum: (rule) => `should be less than ${text(rule)}`,
  multipleOf: (rule) => `should be a multiple of ${text(rule)}`,
};

function count(rule: unknown, noun: string): string {
  return `${text(rule)} ${noun}${rule === 1 ? "" : "s"}`;
}

function listed(values: readonly unknown[]): string {
  const shown = values.slice(0, 8).map(text).join(", ");
  return values.length > 8 ? `one of ${shown} …` : `one of ${shown}`;
}

function text(value: unknown): string {
  const json = JSON.stringify(value);
  return json.length > 60 ? `${json.slice(0, 60)}…` : json;
}
