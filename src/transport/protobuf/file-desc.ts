/**
 * The descriptor of a contract made in TypeScript: what protoc would make of its `.proto` text.
 *
 * @module
 */
import { create, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import {
  DescriptorProto_ReservedRangeSchema,
  DescriptorProtoSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_struct,
  MethodDescriptorProtoSchema,
  MethodOptions_IdempotencyLevel,
  MethodOptionsSchema,
  OneofDescriptorProtoSchema,
  ServiceDescriptorProtoSchema,
  type DescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  type MethodDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import type { AnyService } from "../../contract/index.ts";
import type { FieldType, MessageField, MessageType, MethodMessages } from "../message-types.ts";
import { byNumber, entryName, hasPresence, itemOf, messagesIn, nameParts, removedNames } from "./layout.ts";

const STRUCT = "google/protobuf/struct.proto";
const { Type, Label } = { Type: FieldDescriptorProto_Type, Label: FieldDescriptorProto_Label };

/** The descriptor of a service, which holds all others. */
export function serviceDesc(service: AnyService, messages: ReadonlyMap<string, MethodMessages>): DescService {
  const registry = createFileRegistry(fileProto(service, messages), (name) =>
    name === STRUCT ? file_google_protobuf_struct : undefined,
  );
  return registry.getService(service.name)!;
}

/** The file as protoc describes it. */
export function fileProto(service: AnyService, messages: ReadonlyMap<string, MethodMessages>): FileDescriptorProto {
  const { packageName, name } = nameParts(service.name);
  const types = messagesIn(messages);
  const prefix = packageName === "" ? "." : `.${packageName}.`;
  const isJson = types.some(({ fields }) => fields.some(({ type }) => itemOf(type).kind === "json"));
  return create(FileDescriptorProtoSchema, {
    name: `${service.name}.proto`,
    ...(packageName === "" ? {} : { package: packageName }),
    dependency: isJson ? [STRUCT] : [],
    messageType: types.map((type) => messageProto(type, prefix)),
    service: [
      create(ServiceDescriptorProtoSchema, {
        name,
        method: [...messages].map(([method, its]) => methodProto(service, method, { prefix, ...its })),
      }),
    ],
    syntax: "proto3",
  });
}

interface Around extends MethodMessages {
  readonly prefix: string;
}

function methodProto(service: AnyService, name: string, { prefix, request, response }: Around): MethodDescriptorProto {
  const { kind, idempotent } = service.methods[name]!;
  const proto = create(MethodDescriptorProtoSchema, {
    name,
    inputType: prefix + request.name,
    outputType: prefix + response.name,
  });
  if (kind === "client" || kind === "bidi") proto.clientStreaming = true;
  if (kind === "server" || kind === "bidi") proto.serverStreaming = true;
  if (idempotent)
    proto.options = create(MethodOptionsSchema, { idempotencyLevel: MethodOptions_IdempotencyLevel.IDEMPOTENT });
  return proto;
}

function messageProto(message: MessageType, prefix: string): DescriptorProto {
  const fields = byNumber(message.fields);
  const maps = fields.filter(({ type }) => type.kind === "map");
  const nested = maps.map(({ name, type }) => entryProto(name, itemOf(type), prefix));
  const taken = new Set([...fields, ...nested].map(({ name }) => name));
  const oneofs: string[] = [];
  const field = fields.map((one) => {
    const proto = fieldProto(one, prefix, `${prefix}${message.name}.`);
    if (!hasPresence(one)) return proto;
    proto.proto3Optional = true;
    proto.oneofIndex = oneofs.push(oneofName(one.name, taken)) - 1;
    return proto;
  });
  return create(DescriptorProtoSchema, {
    name: message.name,
    field,
    nestedType: nested,
    oneofDecl: oneofs.map((name) => create(OneofDescriptorProtoSchema, { name })),
    reservedRange: byNumber(message.removed).map(({ number }) =>
      create(DescriptorProto_ReservedRangeSchema, { start: number, end: number + 1 }),
    ),
    reservedName: [...removedNames(message)],
  });
}

/** What protoc calls the oneof that stands for an optional field. */
function oneofName(field: string, taken: Set<string>): string {
  let name = field.startsWith("_") ? field : `_${field}`;
  while (taken.has(name)) name = `X${name}`;
  taken.add(name);
  return name;
}

function fieldProto({ name, number, type }: MessageField, prefix: string, inside: string): FieldDescriptorProto {
  const label = type.kind === "list" || type.kind === "map" ? Label.REPEATED : Label.OPTIONAL;
  const typed =
    type.kind === "map" ? { type: Type.MESSAGE, typeName: inside + entryName(name) } : typeProto(itemOf(type), prefix);
  return create(FieldDescriptorProtoSchema, { name, number, label, ...typed, jsonName: name });
}

function entryProto(name: string, value: FieldType, prefix: string): DescriptorProto {
  const part = (part: "key" | "value", number: number, type: FieldType): FieldDescriptorProto =>
    create(FieldDescriptorProtoSchema, {
      name: part,
      number,
      label: Label.OPTIONAL,
      ...typeProto(type, prefix),
      jsonName: part,
    });
  return create(DescriptorProtoSchema, {
    name: entryName(name),
    field: [part("key", 1, { kind: "string" }), part("value", 2, value)],
    options: { mapEntry: true },
  });
}

const SINGLES = {
  bool: Type.BOOL,
  int64: Type.INT64,
  double: Type.DOUBLE,
  string: Type.STRING,
  bytes: Type.BYTES,
} as const;

function typeProto(type: FieldType, prefix: string): { type: FieldDescriptorProto_Type; typeName?: string } {
  if (type.kind === "message") return { type: Type.MESSAGE, typeName: prefix + type.message.name };
  if (type.kind === "json") return { type: Type.MESSAGE, typeName: ".google.protobuf.Value" };
  return { type: SINGLES[type.kind as keyof typeof SINGLES] };
}
