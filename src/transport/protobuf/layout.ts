/**
 * What a contract's `.proto` file and its descriptor have in common: which messages there are, in which order, and what
 * their parts are called.
 *
 * @module
 */
import type { FieldType, MessageField, MessageType, MethodMessages } from "../message-types.ts";

/** `shop.orders` is the service `orders` of the package `shop`. */
export function nameParts(serviceName: string): { readonly packageName: string; readonly name: string } {
  const dot = serviceName.lastIndexOf(".");
  return { packageName: serviceName.slice(0, Math.max(0, dot)), name: serviceName.slice(dot + 1) };
}

/** All messages, each once: a method's own, then what is in them. */
export function messagesIn(messages: ReadonlyMap<string, MethodMessages>): readonly MessageType[] {
  const found = new Set<MessageType>();
  function add(type: MessageType): void {
    if (found.has(type)) return;
    found.add(type);
    for (const field of type.fields) {
      const item = itemOf(field.type);
      if (item.kind === "message") add(item.message);
    }
  }
  for (const { request, response } of messages.values()) {
    add(request);
    add(response);
  }
  return [...found];
}

/** What a list or a map is made of; any other type itself. */
export function itemOf(type: FieldType): FieldType {
  return type.kind === "list" || type.kind === "map" ? type.of : type;
}

/** Whether a field says on the wire that it is there; messages always do. */
export function hasPresence({ type, isOptional }: MessageField): boolean {
  return isOptional && !["list", "map", "message", "json"].includes(type.kind);
}

/** The names of removed fields, without those that are used again. */
export function removedNames({ fields, removed }: MessageType): readonly string[] {
  const names = new Set(removed.map(({ name }) => name));
  for (const { name } of fields) names.delete(name);
  return [...names];
}

/** Fields in the order of their numbers. */
export function byNumber<T extends { readonly number: number }>(fields: readonly T[]): readonly T[] {
  return fields.toSorted((a, b) => a.number - b.number);
}

/** What protoc calls the message of a map's entries: `by_shelf` has a `ByShelfEntry`. */
export function entryName(field: string): string {
  return `${field.replaceAll(/(?:^|_+)([A-Za-z0-9]?)/g, (_, letter: string) => letter.toUpperCase())}Entry`;
}
