/**
 * Finds a contract in a module of the user's.
 *
 * @module
 */
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { Methods, Service } from "../contract/index.ts";
import { Refusal } from "./command.ts";

/**
 * The service that a module exports; where it exports several, the one of this name.
 *
 * @throws {Refusal} when the module cannot be run, or has no such service.
 */
export async function loadService(module: string, name: string | undefined): Promise<Service<Methods>> {
  const found = new Map<string, Service<Methods>>();
  for (const one of Object.values(await loadModule(module))) if (isService(one)) found.set(one.name, one);
  const names = [...found.keys()].join(", ");
  if (found.size === 0) throw new Refusal(`${module} exports no service: export what service() returns`);
  if (name === undefined && found.size > 1)
    throw new Refusal(`${module} exports several services, say which by --service: ${names}`, true);
  const service = name === undefined ? [...found.values()][0] : found.get(name);
  if (service === undefined) throw new Refusal(`${module} exports no service "${name}", it has ${names}`);
  return service;
}

/** Runs a module of the user's: what it exports. @throws {Refusal} when it cannot be run. */
export async function loadModule(module: string): Promise<object> {
  try {
    return (await import(/* the user's */ pathToFileURL(resolve(module)).href)) as object;
  } catch (error) {
    const { code, message = error } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
    const says =
      code === "ERR_UNKNOWN_FILE_EXTENSION" && /\.[cm]?tsx?$/.test(module)
        ? `Node ${process.versions.node} runs no TypeScript: give the compiled file, or use Node 22.18 or newer`
        : String(message);
    throw new Refusal(`cannot run ${module}: ${says}`, false, error);
  }
}

// Of another copy of this package than the command's own, so by its form.
function isService(value: unknown): value is Service<Methods> {
  const { name, methods, implement } = (value ?? {}) as Partial<Service<Methods>>;
  return typeof name === "string" && typeof methods === "object" && typeof implement === "function";
}
