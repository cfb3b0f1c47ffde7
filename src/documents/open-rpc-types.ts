/**
 * An OpenRPC document, as far as this door writes one.
 *
 * @module
 */
import type { DocumentServer } from "./document-info.ts";

/** An OpenRPC document: plain data, for JSON.stringify. */
export interface OpenRpcDocument {
  readonly openrpc: "1.3.2";
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly servers?: readonly (DocumentServer & { readonly name: string })[];
  readonly methods: readonly OpenRpcMethod[];
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly errors: Readonly<Record<string, OpenRpcError>>;
  };
}

/** One method. */
export interface OpenRpcMethod {
  /** As it is called. */
  readonly name: string;
  readonly description?: string;
  readonly deprecated?: true;
  readonly tags: readonly { readonly name: string }[];
  readonly paramStructure: "by-name" | "by-position" | "either";
  readonly params: readonly OpenRpcValue[];
  /** Left out for a one-way method, which may only be notified. */
  readonly result?: OpenRpcValue;
  /** One for each number: declared errors that share one stand together in its `data`. None for a one-way method. */
  readonly errors: readonly (OpenRpcError | { readonly $ref: string })[];
}

/** A param or a result. */
export interface OpenRpcValue {
  readonly name: string;
  readonly description?: string;
  readonly required?: true;
  readonly deprecated?: true;
  readonly schema: unknown;
}

/** An error; `data` is the schema of the data it is sent with. */
export interface OpenRpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}
