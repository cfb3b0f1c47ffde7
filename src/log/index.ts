/**
 * Structured logging: loggers, the logger of a call, the access log.
 *
 * @module
 */
export { logger, type LogFormat, type LoggerOptions } from "./log.ts";
export type { Fields, Logger } from "./logger.ts";
export type { Level, Threshold } from "./level.ts";
export { nopLogger } from "./nop.ts";
export { loggerKey, logOf } from "./context.ts";
export { accessLog, type AccessLogOptions } from "./access.ts";
export { logErrors } from "./report.ts";
export { pinoLogger, type PinoLike } from "./pino.ts";
