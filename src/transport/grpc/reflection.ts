/**
 * Server reflection: tools like grpcurl learn from a server itself what it serves. Two versions of one protocol are served,
 * since older tools know the older one only.
 *
 * @module
 */
import type { DescFile, DescService } from "@bufbuild/protobuf";
import type { Implementation } from "../../contract/index.ts";
import { proto } from "../protobuf/index.ts";
import { file_google_rpc_error_details } from "./gen/google/rpc/error_details_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from "./gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "./gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { ReflectionIndex } from "./reflection-index.ts";

/** A day: tools keep the stream open while they are used. */
const TIMEOUT_MS = 86_400_000;

/** Statuses of gRPC, as the answers carry them. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;

// The generated types of the two versions differ by their names only.
type Asked = Omit<ServerReflectionRequest, "$typeName" | "$unknown">;
type Question = Asked["messageRequest"];
type Reply = Init<ServerReflectionResponse["messageResponse"]>;
type Init<T> = T extends { case: string; value: infer V }
  ? { case: T["case"]; value: Plain<V> }
  : { case: undefined; value?: undefined };
type Plain<T> = T extends Uint8Array | string | number
  ? T
  : T extends readonly (infer E)[]
    ? Plain<E>[]
    : { [P in Exclude<keyof T, "$typeName" | "$unknown">]: Plain<T[P]> };

/** The descriptors of what `reflection` itself serves. */
const REFLECTION: readonly DescService[] = [ServerReflection, ServerReflectionAlpha];

/** The reflection service of a server, in both versions. */
export interface ReflectionService {
  readonly implementations: readonly Implementation[];
  /** Ends every stream: tools keep theirs open while they are used, and a server that stops would wait for them. */
  drain(): void;
}

/**
 * Serves the descriptors of `services`, and its own. (GRPC Server Reflection Protocol, `grpc.reflection.v1` and `v1alpha`.)
 * A file comes with all it imports, itself first. What errors have in their details is there too.
 */
export function reflection(services: readonly DescService[]): ReflectionService {
  const all = [...services, ...REFLECTION];
  const names = [...new Set(all.map(({ typeName }) => typeName))].toSorted();
  const waiting = new Set<() => void>();
  let isOver = false;
  let made: ReflectionIndex | undefined;
  // Nobody may ever ask.
  const index = (): ReflectionIndex => (made ??= new ReflectionIndex(all, [file_google_rpc_error_details]));

  function answerOf(question: Question): Reply {
    switch (question.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: names.map((name) => ({ name })) } };
      case "fileByFilename":
        return fileAnswer(index().named(question.value), `no file ${question.value}`);
      case "fileContainingSymbol":
        return fileAnswer(index().declaring(question.value), `no symbol ${question.value}`);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = question.value;
        const file = index().extending(containingType, extensionNumber);
        return fileAnswer(file, `no extension ${extensionNumber} of ${containingType}`);
      }
      case "allExtensionNumbersOfType": {
        const extensionNumber = index().extensionsOf(question.value);
        if (extensionNumber === undefined) return failed(NOT_FOUND, `no message ${question.value}`);
        const value = { baseTypeName: question.value, extensionNumber: [...extensionNumber] };
        return { case: "allExtensionNumbersResponse", value };
      }
      default:
        return failed(INVALID_ARGUMENT, "the request asks nothing");
    }
  }

  function fileAnswer(file: DescFile | undefined, otherwise: string): Reply {
    if (file === undefined) return failed(NOT_FOUND, otherwise);
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto: [...index().withImports(file)] } };
  }

  /** The next request, or none when the server drains. */
  function nextOf(requests: AsyncIterator<Asked>): Promise<Asked | undefined> {
    return new Promise((resolve, reject) => {
      const end = (): void => resolve(undefined);
      waiting.add(end);
      requests
        .next()
        .then((next) => resolve(next.done === true ? undefined : next.value), reject)
        .finally(() => waiting.delete(end));
    });
  }

  async function* serverReflectionInfo(requests: AsyncIterable<Asked>) {
    const each = requests[Symbol.asyncIterator]();
    while (!isOver) {
      const next = await nextOf(each);
      if (next === undefined) return;
      const { host, messageRequest } = next;
      const messageResponse = answerOf(messageRequest);
      yield { validHost: host, originalRequest: { host, messageRequest }, messageResponse };
    }
  }

  const options = { methods: { serverReflectionInfo: { timeoutMs: TIMEOUT_MS } } };
  return {
    implementations: [
      proto(ServerReflection, options).implement({ serverReflectionInfo }),
      proto(ServerReflectionAlpha, options).implement({ serverReflectionInfo: serverReflectionInfo as never }),
    ],
    drain() {
      isOver = true;
      for (const end of waiting) end();
    },
  };
}

function failed(errorCode: number, errorMessage: string): Reply {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
