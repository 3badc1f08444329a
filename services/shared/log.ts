/** Structured logs, one JSON line each, on stderr: stdout carries the ready line alone. */
import { pino } from "pino";
import type { Logger } from "pino";

import { loggedError } from "./log-errors.ts";
import { StderrLines } from "./stderr.ts";

export type { Logger };

/** Enough of a logger to warn. */
export interface Log {
  warn(fields: object, message: string): void;
}

/** What never reaches a log, wherever it stands. */
const secrets = [
  "secret",
  "*.secret",
  "*.*.secret",
  "authorization",
  "*.authorization",
  "headers.authorization",
  "*.headers.authorization",
  "*.headers.cookie",
  "password",
  "*.password",
];

/** `service` names the process: api, worker, stack. Use `log.child({ job })` for what belongs to one job. */
export function createLog(options: { level: string; service: string }): Logger {
  return pino(
    {
      level: options.level,
      base: { service: options.service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secrets, censor: "(hidden)" },
      serializers: { err: loggedError },
    },
    new StderrLines(),
  );
}
