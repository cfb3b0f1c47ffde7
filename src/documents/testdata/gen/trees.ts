// Generated from Trees 1 (tree.json). Do not edit: generate it again.
import { error, method, service, type ErrorType, type Method, type Service, type ServiceError, type Types } from "servicekit";
import type { JsonSchemaObject } from "servicekit/contract";
import { fromJsonSchema } from "servicekit/jsonschema";
import { routes, type Routes } from "servicekit/transport/http";

export interface Tree {
  name: string | null;
  left: Tree | null;
  right?: Tree | Leaf | undefined;
  first?: LeafOneOf0 | undefined;
  extra?: Json | undefined;
}

/** Note: "discriminator" is not checked: the form that fits is taken. */
export type Leaf = {
  kind: "green";
  area: number;
} | {
  kind: "fallen";
};

export type Json = (string | number | boolean | null) | Json[] | {
  [name: string]: Json;
};

export interface Problem {
  detail?: string | undefined;
}

export type Refusal = (Problem & {
  reason?: "too_dry" | undefined;
  code?: "failed_precondition" | undefined;
}) | Problem;

export interface LeafOneOf0 {
  kind: "green";
  area: number;
}

export interface LeavesRequest {
  name: string;
  after?: number | null | undefined;
}

export interface LeavesResponse {
  leaves: Leaf[];
  range?: [number?, number?] | undefined;
}

export interface GrowTypes extends Types {
  reqIn: Tree;
  reqOut: Tree;
  resIn: Tree | null;
  resOut: Tree | null;
  failIn: ServiceError<"too_dry", undefined>;
  failOut: ServiceError<"too_dry", undefined>;
  kind: "unary";
}

export interface LeavesTypes extends Types {
  reqIn: LeavesRequest;
  reqOut: LeavesRequest;
  resIn: LeavesResponse;
  resOut: LeavesResponse;
  failIn: never;
  failOut: never;
  kind: "unary";
}

const $defs: { readonly [name: string]: JsonSchemaObject } = {
  Tree: {
    type: "object",
    properties: {
      name: { type: ["string", "null"] },
      left: { anyOf: [{ $ref: "#/$defs/Tree" }, { type: "null" }] },
      right: { oneOf: [{ $ref: "#/$defs/Tree" }, { $ref: "#/$defs/Leaf" }] },
      first: { $ref: "#/$defs/LeafOneOf0" },
      extra: { $ref: "#/$defs/Json" },
    },
    required: ["name", "left"],
    additionalProperties: false,
  },
  Leaf: {
    oneOf: [
      {
        type: "object",
        properties: { kind: { const: "green" }, area: { type: "number", exclusiveMinimum: 0 } },
        required: ["kind", "area"],
      },
      { type: "object", properties: { kind: { const: "fallen" } }, required: ["kind"] },
    ],
  },
  Json: {
    anyOf: [
      { type: ["string", "number", "boolean", "null"] },
      { type: "array", items: { $ref: "#/$defs/Json" } },
      { type: "object", additionalProperties: { $ref: "#/$defs/Json" } },
    ],
  },
  LeafOneOf0: {
    type: "object",
    properties: { kind: { const: "green" }, area: { type: "number", exclusiveMinimum: 0 } },
    required: ["kind", "area"],
  },
};

export const tooDry: ErrorType<"too_dry", undefined, undefined> = error("too_dry", { code: "failed_precondition" });

export type TreesMethods = {
  /**
   * `POST /trees`
   *
   * Note: which of the statuses 200, 204 came is not told apart.
   */
  readonly grow: Method<GrowTypes>;
  /** `GET /trees/{name}/leaves` */
  readonly leaves: Method<LeavesTypes>;
};

export const trees: Service<TreesMethods> = service("trees", {
  grow: method({
    request: fromJsonSchema<Tree>({ $ref: "#/$defs/Tree", $defs }),
    response: fromJsonSchema<Tree | null>({ anyOf: [{ $ref: "#/$defs/Tree" }, { type: "null" }], $defs }),
    errors: [tooDry],
  }),
  leaves: method({
    request: fromJsonSchema<LeavesRequest>({
      type: "object",
      properties: { name: { type: "string" }, after: { type: ["integer", "null"] } },
      required: ["name"],
    }),
    response: fromJsonSchema<LeavesResponse>({
      type: "object",
      properties: {
        leaves: { type: "array", items: { $ref: "#/$defs/Leaf" } },
        range: { type: "array", prefixItems: [{ type: "integer" }, { type: "integer" }], items: false },
      },
      required: ["leaves"],
      $defs,
    }),
    idempotent: true,
  }),
});

export const treesRoutes: Routes = routes(trees, {
  grow: "POST /trees",
  leaves: { path: "GET /trees/{name}/leaves", query: ["after"] },
});
