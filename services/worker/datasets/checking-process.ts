/**
 * The process in which an upload is checked: whatever a hostile file does to a decoder or to memory, it does it here.
 * Ends when its parent does.
 */
import sharp from "sharp";
import type { DatasetProblem, UploadSettings } from "../../../schemas/dataset.ts";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { checkUpload } from "./check.ts";
import type { CheckedDataset } from "./finish.ts";
import type { LocalFile } from "./open.ts";
import { DatasetRefused, printable } from "./refused.ts";

export interface CheckTask {
  files: LocalFile[];
  settings: UploadSettings;
  limits: DatasetLimits;
  directory: string;
}

export type CheckMessage =
  | { kind: "progress"; fraction: number }
  /** What a library said of a file that it could not read. */
  | { kind: "cause"; file: string | null; said: string }
  | { kind: "done"; dataset: CheckedDataset }
  | { kind: "refused"; problems: DatasetProblem[] }
  | { kind: "failed"; code: string | null; message: string; stack: string };

const reportEveryMs = 200;

const send = (message: CheckMessage): Promise<void> =>
  new Promise((resolve) => {
    if (!process.send) throw new Error("this is started by checker.ts, with a channel");
    process.send(message, () => resolve());
  });

function outcome(error: unknown): CheckMessage {
  if (error instanceof DatasetRefused) {
    if (error.cause instanceof Error) tellCause(error.cause, error.problems[0]?.file ?? null);
    return { kind: "refused", problems: error.problems };
  }
  const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  return {
    kind: "failed",
    code: error instanceof Error && "code" in error ? String(error.code) : null,
    message,
    stack,
  };
}

const tellCause = (cause: Error, file: string | null): void =>
  void send({ kind: "cause", file: file === null ? null : printable(file, 300), said: printable(cause.message, 300) });

async function run(task: CheckTask): Promise<void> {
  let reported = 0;
  const onProgress = (fraction: number): void => {
    if (Date.now() - reported < reportEveryMs) return;
    reported = Date.now();
    void send({ kind: "progress", fraction });
  };
  const message = await checkUpload({ ...task, onProgress, onCause: tellCause }).then<CheckMessage, CheckMessage>(
    (dataset) => ({ kind: "done", dataset }),
    outcome,
  );
  await send(message);
  process.disconnect();
}

sharp.concurrency(1);
sharp.cache(false);
process.on("disconnect", () => process.exit(0));
process.once("message", (task) => void run(task as CheckTask));
