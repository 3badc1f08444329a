/** How a command ends: one sentence, and a code that a script can act on. docs/COMMANDS.md lists them. */
import { Problem, Unreachable, Unreadable } from "../client/index.ts";

export const exitCodes = {
  /** What was asked for was done. */
  done: 0,
  /** It ran, and it ended badly: a job that failed, a dataset that was rejected. */
  failed: 1,
  /** The command or what it was given cannot be used: an option, a folder, a file. */
  usage: 2,
  /** No service answers. */
  unreachable: 3,
  /** The service refused. */
  refused: 4,
  /** The service refused the key, or wants one. */
  forbidden: 5,
  /** The job, sweep or evaluation was cancelled. */
  cancelled: 6,
  /** The service is newer than this command line. */
  newer: 7,
  /** Ctrl-C. */
  interrupted: 130,
  /** Whoever read the output went away. */
  pipe: 141,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends the command with a sentence for people. */
export class Failure extends Error {
  readonly code: ExitCode;
  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The command was given something that it cannot use. */
export const unusable = (message: string): Failure => new Failure(exitCodes.usage, message);

const startOne = "start one with `npx feature-maps up`, or say where it is with --url or FEATURE_MAPS_URL";

export const nobodyAt = (url: string): Failure =>
  new Failure(exitCodes.unreachable, `no service answers at ${url}: ${startOne}`);

function ofProblem({ status, code, detail, title, errors }: Problem): Failure {
  if (code === "unexpected-answer")
    return new Failure(exitCodes.unreachable, `something answers there that is no feature-maps service: ${detail}`);
  if (status === 401)
    return new Failure(exitCodes.forbidden, `${detail || title}: give a valid one with --key or FEATURE_MAPS_KEY`);
  if (status === 403) return new Failure(exitCodes.forbidden, detail || title);
  // One error alone is the detail itself.
  const places = errors.map((each) => `${each.pointer}: ${each.detail}`).filter((each) => !each.endsWith(detail));
  return new Failure(exitCodes.refused, [detail || title, ...places].join("\n  "));
}

/** What went wrong as a sentence and a code; null for a fault of our own, which keeps its stack. */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof Failure) return error;
  if (error instanceof Problem) return ofProblem(error);
  if (error instanceof Unreachable) return new Failure(exitCodes.unreachable, error.message);
  if (error instanceof Unreadable) return unusable(error.cause instanceof Error ? error.cause.message : error.message);
  return null;
}
