/**
 * Errors as they stand in a log: what went wrong and where, never what an error carries besides. A Redis client hangs
 * the whole command on its errors, arguments and all: passwords, webhooks' secrets, bodies. What its words say,
 * redaction.ts looks through.
 */
const mostCauses = 4;
const mostText = 4000;

const shortened = (text: string): string => text.slice(0, mostText);

export interface LoggedError {
  type: string;
  message: string;
  stack: string;
  code?: string | number;
  syscall?: string;
  cause?: LoggedError;
}

export function loggedError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === "string" ? shortened(error) : typeof error;
  const { code, syscall } = error as NodeJS.ErrnoException & { code?: unknown };
  const cause = error.cause instanceof Error && depth < mostCauses ? loggedError(error.cause, depth + 1) : undefined;
  return {
    type: error.name,
    message: shortened(error.message),
    stack: shortened(error.stack ?? ""),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    ...(typeof syscall === "string" ? { syscall } : {}),
    ...(cause === undefined ? {} : { cause: cause as LoggedError }),
  } satisfies LoggedError;
}
