/**
 * What server reflection answers from: every file that some services need, by name, by what it declares, and by what it
 * extends.
 *
 * @module
 */
import {
  toBinary,
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** The files of some services, and of all that they import. */
export class ReflectionIndex {
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  readonly #extensions = new Map<string, Map<number, DescFile>>();
  readonly #bytes = new Map<DescFile, Uint8Array>();

  /** @param more Files beside those of the services. */
  constructor(services: readonly DescService[], more: readonly DescFile[]) {
    for (const { file } of services) this.#addFile(file);
    for (const file of more) this.#addFile(file);
  }

  /** The file of this name, as its import has it. */
  named(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** The file that declares a service, method, message, field, oneof, enum, enum value or extension of this full name. */
  declaring(symbol: string): DescFile | undefined {
    return this.#symbols.get(symbol);
  }

  /** The file that extends the message `type` under this number. */
  extending(type: string, number: number): DescFile | undefined {
    return this.#extensions.get(type)?.get(number);
  }

  /** The numbers under which the message `type` is extended; undefined when there is no such message. */
  extensionsOf(type: string): readonly number[] | undefined {
    if (!this.#symbols.has(type)) return undefined;
    return [...(this.#extensions.get(type)?.keys() ?? [])].toSorted((a, b) => a - b);
  }

  /** A file and all it imports, as serialized FileDescriptorProtos, the file itself first. */
  withImports(file: DescFile, found: Map<string, Uint8Array> = new Map()): readonly Uint8Array[] {
    if (!found.has(file.proto.name)) {
      found.set(file.proto.name, this.#serialized(file));
      for (const one of file.dependencies) this.withImports(one, found);
    }
    return [...found.values()];
  }

  #serialized(file: DescFile): Uint8Array {
    let bytes = this.#bytes.get(file);
    if (bytes === undefined) this.#bytes.set(file, (bytes = toBinary(FileDescriptorProtoSchema, file.proto)));
    return bytes;
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    for (const one of file.services) {
      this.#symbols.set(one.typeName, file);
      for (const { name } of one.methods) this.#symbols.set(`${one.typeName}.${name}`, file);
    }
    for (const one of file.messages) this.#addMessage(one);
    for (const one of file.enums) this.#addEnum(one);
    for (const one of file.extensions) this.#addExtension(one);
    for (const one of file.dependencies) this.#addFile(one);
  }

  #addMessage(message: DescMessage): void {
    const { typeName, file } = message;
    this.#symbols.set(typeName, file);
    for (const { name } of [...message.fields, ...message.oneofs]) this.#symbols.set(`${typeName}.${name}`, file);
    for (const one of message.nestedMessages) this.#addMessage(one);
    for (const one of message.nestedEnums) this.#addEnum(one);
    for (const one of message.nestedExtensions) this.#addExtension(one);
  }

  // The values of an enum stand beside it, not in it, as in C++.
  #addEnum({ typeName, name, file, values }: DescEnum): void {
    this.#symbols.set(typeName, file);
    const scope = typeName.slice(0, -name.length);
    for (const value of values) this.#symbols.set(scope + value.name, file);
  }

  #addExtension({ typeName, extendee, number, file }: DescExtension): void {
    this.#symbols.set(typeName, file);
    const known = this.#extensions.get(extendee.typeName);
    if (known === undefined) this.#extensions.set(extendee.typeName, new Map([[number, file]]));
    else known.set(number, file);
  }
}
