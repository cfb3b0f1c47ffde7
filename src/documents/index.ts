/**
 * Documents from contracts: OpenAPI for HTTP, OpenRPC for JSON-RPC, and a page to try methods on.
 *
 * @module
 */
export { apiPages, type ApiPagesOptions } from "./api-pages.ts";
export { contractFrom, type GeneratedContract, type GenerateOptions } from "./generate.ts";
export type { GenerateNote } from "./generate-document.ts";
export { openApi, type OpenApiOptions } from "./open-api.ts";
export { openRpc, type OpenRpcOptions } from "./open-rpc.ts";
export { rpcPages, type RpcPagesOptions } from "./rpc-pages.ts";
export type { DocumentOptions, DocumentServer, PageOptions } from "./document-info.ts";
export type {
  OpenApiContent,
  OpenApiDocument,
  OpenApiOperation,
  OpenApiParameter,
  OpenApiReference,
  OpenApiResponse,
} from "./open-api-types.ts";
export type { OpenRpcDocument, OpenRpcError, OpenRpcMethod, OpenRpcValue } from "./open-rpc-types.ts";
