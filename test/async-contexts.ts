/**
 * OpenTelemetry's context on AsyncLocalStorage, as its SDK for Node registers it, for tests.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { ROOT_CONTEXT, type Context, type ContextManager } from "@opentelemetry/api";

/** Makes a context manager, to be given to `context.setGlobalContextManager`. */
export function asyncContexts(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with(context, run, ...[self, ...args]) {
      return storage.run(context, () => run.call(self as never, ...args));
    },
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => (storage.disable(), manager),
  };
  return manager;
}
