/** The thread that reads large JSON bodies: tens of megabytes take seconds, in which the api answers others. */
import { getHeapStatistics } from "node:v8";
import { parentPort } from "node:worker_threads";
import type { ThreadAnswer, ThreadCall } from "../../prediction/index.ts";
import { Refusal } from "../http/problem.ts";
import { readings, type About, type ReadingAnswer, type ReadingName } from "./reading.ts";

const port = parentPort;
if (!port) throw new Error("this file is a thread");

function answerTo({ kind, input }: ThreadCall): ReadingAnswer {
  const { bytes, about } = input as { bytes: Uint8Array; about: About };
  try {
    return { read: readings[kind as ReadingName](bytes, about) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { problem: { code: error.code, detail: error.message, errors: error.errors } };
  }
}

/** Samples and pictures go back without a copy. */
const buffersOf = (answer: ReadingAnswer): ArrayBuffer[] => {
  if (!("read" in answer)) return [];
  const { samples } = answer.read;
  const pictures = "pictures" in answer.read ? answer.read.pictures : [];
  return [...(samples ? [samples.buffer] : []), ...pictures.map(({ bytes }) => bytes.buffer)];
};

/** What parsing has left to this thread. */
const heldBytes = (): number => getHeapStatistics().total_heap_size;

port.on("message", (call: ThreadCall) => {
  let answer: ThreadAnswer;
  let buffers: ArrayBuffer[] = [];
  try {
    const output = answerTo(call);
    buffers = buffersOf(output);
    answer = { id: call.id, heldBytes: heldBytes(), outcome: "done", output };
  } catch (error) {
    const detail = error instanceof Error ? String(error.stack) : String(error);
    answer = { id: call.id, heldBytes: heldBytes(), outcome: "failed", detail };
  }
  port.postMessage(answer, buffers);
});
