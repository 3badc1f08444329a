/** Structured logs, one JSON line each, on stderr: stdout carries the ready line alone. */
import { pino } from "pino";
import type { Logger } from "pino";

import { loggedError } from "./log-errors.ts";
import { logFields } from "./log-fields.ts";
import { redaction } from "./redaction.ts";
import { StderrLines } from "./stderr.ts";

export type { Logger };

/** Enough of a logger to tell and to warn. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** `service` names the process: api, worker, stack. Use `log.child({ job })` for what belongs to one job. */
export function createLog(options: { level: string; service: string }): Logger {
  const redact = redaction(process.env);
  const lines = new StderrLines();
  return pino(
    {
      level: options.level,
      base: { service: options.service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: loggedError },
      mixin: (_line, _level, logger) => logFields(logger.bindings()),
    },
    { write: (line: string) => lines.write(redact(line)) },
  );
}
