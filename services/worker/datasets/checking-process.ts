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
import { DatasetRefused } from "./refused.ts";

export interface CheckTask {
  files: LocalFile[];
  settings: UploadSettings;
  limits: DatasetLimits;
  directory: string;
}

export type CheckMessage =
  | { kind: "progress"; fraction: number }
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
  if (error instanceof DatasetRefused) return { kind: "refused", problems: error.problems };
  const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  return {
    kind: "failed",
    code: error instanceof Error && "code" in error ? String(error.code) : null,
    message,
    stack,
  };
}

async function run(task: CheckTask): Promise<void> {
  let reported = 0;
  const onProgress = (fraction: number): void => {
    if (Date.now() - reported < reportEveryMs) return;
    reported = Date.now();
    void send({ kind: "progress", fraction });
  };
  const message = await checkUpload({ ...task, onProgress }).then<CheckMessage, CheckMessage>(
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
