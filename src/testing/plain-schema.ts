/**
 * A schema of flat messages without a schema library: enough for suites that must not depend on one.
 *
 * @module
 */
import type { Issue, Schema } from "../errors/index.ts";

/** The kinds of fields there are. */
export interface FieldTypes {
  readonly string: string;
  readonly integer: number;
  readonly boolean: boolean;
}

/** Fields by name. */
export type Fields = Readonly<Record<string, keyof FieldTypes>>;

/** The value that fields describe. */
export type ValueOf<F extends Fields> = { readonly [N in keyof F]: FieldTypes[F[N]] };

/**
 * A Standard Schema, with its JSON Schema, of an object with these fields, all required; others are dropped.
 *
 * @example
 * ```ts
 * import { plainSchema } from "servicekit/testing";
 *
 * const pair = plainSchema({ a: "integer", b: "integer" });
 * pair["~standard"].validate({ a: 1, b: 2, c: 3 }); // => { value: { a: 1, b: 2 } }
 * ```
 */
export function plainSchema<const F extends Fields>(fields: F): Schema<ValueOf<F>> {
  const names = Object.keys(fields);
  return {
    "~standard": {
      version: 1,
      vendor: "servicekit",
      validate(value) {
        const given = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
        const issues: Issue[] = [];
        const kept: Record<string, unknown> = {};
        for (const name of names) {
          if (fits(given[name], fields[name]!)) kept[name] = given[name];
          else issues.push({ message: `should be ${fields[name]!}`, path: [name] });
        }
        return issues.length > 0 ? { issues } : { value: kept as ValueOf<F> };
      },
      jsonSchema: {
        input: () => ({
          type: "object",
          properties: Object.fromEntries(names.map((name) => [name, { type: fields[name] }])),
          required: names,
        }),
      },
    },
  };
}

function fits(value: unknown, type: keyof FieldTypes): boolean {
  return type === "integer" ? Number.isSafeInteger(value) : typeof value === type;
}
