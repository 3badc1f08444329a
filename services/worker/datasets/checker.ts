/** Runs a check in a process of its own, with bounded memory and time; cancelling kills it. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { nameLimit } from "../../shared/dataset-limits.ts";
import type { Log } from "../../shared/log.ts";
import type { CheckMessage, CheckTask } from "./checking-process.ts";
import { built } from "../../shared/built.ts";
import { pictureProcess } from "../../shared/picture-process.ts";
import type { CheckedDataset } from "./finish.ts";
import { DatasetRefused } from "./refused.ts";

const entry = fileURLToPath(built("services/worker/datasets/checking-process.js"));
const heapMebibytes = 512;
/** Training goes first, but a small upload is not kept waiting: about a third of a share. */
const niceness = 5;
const mostStderr = 4000;

export interface RunCheckOptions {
  task: CheckTask;
  onProgress: (fraction: number) => void;
  log: Log;
  /** Aborting kills the process and rejects with the signal's reason. */
  signal: AbortSignal;
}

/** The check ended without an answer: killed, out of memory, or at fault itself. May be tried again. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
  readonly code: string | null;
  constructor(message: string, options: { code: string | null; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = options.code;
  }
}

function start(): ChildProcess {
  const child = fork(entry, [], {
    execArgv: [`--max-old-space-size=${heapMebibytes}`],
    env: pictureProcess,
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "advanced",
  });
  if (child.pid !== undefined) {
    try {
      setPriority(child.pid, niceness);
    } catch {
      // It ended already; the event that says so is on its way.
    }
  }
  return child;
}

/** Resolves when the process is gone. Rejects with DatasetRefused, CheckFailed, or the signal's reason. */
export function runCheck({ task, onProgress, log, signal }: RunCheckOptions): Promise<CheckedDataset> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const child = start();
    let answer: CheckMessage | null = null;
    let tooLong = false;
    let stderr = "";
    const kill = (): void => void child.kill("SIGKILL");
    const timer = setTimeout(() => {
      tooLong = true;
      kill();
    }, task.limits.MAX_CHECK_SECONDS * 1000);
    signal.addEventListener("abort", kill, { once: true });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-mostStderr);
    });
    child.on("message", (message) => {
      const received = message as CheckMessage;
      if (received.kind === "progress") onProgress(received.fraction);
      else if (received.kind === "cause")
        log.info({ file: received.file, cause: received.said }, "a file of an upload could not be read");
      else answer = received;
    });
    let failure: Error | null = null;
    const settle = (how: string): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", kill);
      if (signal.aborted) reject(signal.reason as Error);
      else if (answer?.kind === "done") resolve(answer.dataset);
      else if (answer?.kind === "refused") reject(new DatasetRefused(answer.problems));
      else if (answer?.kind === "failed")
        reject(new CheckFailed(`the check failed: ${answer.message}`, { code: answer.code, cause: answer.stack }));
      else if (tooLong)
        reject(
          new DatasetRefused([
            {
              file: null,
              row: null,
              detail: `took longer to check than ${nameLimit(task.limits, "MAX_CHECK_SECONDS")} seconds`,
            },
          ]),
        );
      else
        reject(
          new CheckFailed(`the checking process ended without an answer (${how})`, {
            code: null,
            cause: failure ?? stderr,
          }),
        );
    };
    child.on("error", (error) => {
      failure = error;
      if (child.pid === undefined) settle(error.message);
    });
    child.on("close", (code, killedBy) => settle(killedBy ?? `exit ${code}`));
    child.send(task);
  });
}
