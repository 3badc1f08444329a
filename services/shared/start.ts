/** A process that cannot start says why in a sentence, and ends with a code that says: starting again would not help. */
import { redaction } from "./redaction.ts";

export const exitCodes = {
  /** EX_CONFIG of sysexits.h: the configuration cannot be used. */
  misconfigured: 78,
  /** EX_CANTCREAT: another stack works on the data folder. */
  folderTaken: 73,
  /** The number of EADDRINUSE on Linux: another program listens there. */
  portTaken: 98,
} as const;

const hopeless = new Set<number>(Object.values(exitCodes));
/** Whether a process that ended so would only end so again. */
export const isHopeless = (code: number | null): boolean => code !== null && hopeless.has(code);

/** `message` is for the person who started it, without a stack trace. */
export class CannotStart extends Error {
  override name = "CannotStart";
  readonly exitCode: number;
  constructor(message: string, exitCode: number = exitCodes.misconfigured, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}

/** The end of a process that could not start. */
export function endUnstarted(error: unknown): never {
  const known = error instanceof CannotStart ? error : null;
  const text = known?.message ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.stderr.write(`${redaction(process.env)(text)}\n`);
  process.exit(known?.exitCode ?? 1);
}
