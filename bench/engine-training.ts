/**
 * A training under measurement. The training thread is a worker_threads thread, as in the service; the process that
 * asks only sets control words.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { createMemory, planTraining, request } from "../engine/index.ts";
import type { TrainingPlan, TrainingSpec } from "../engine/index.ts";
import { sizeOf } from "../schemas/shape.ts";
import { pictures, type Work } from "./protocol.ts";

/** The number of the thread that distorts samples, among those of the gradient threads. */
const augmentationThread = -1;

/** Resolves with the next message of a thread; rejects if it fails. */
const answer = async <Message>(thread: Worker): Promise<Message> => ((await once(thread, "message")) as [Message])[0];

export class Training {
  readonly #threads: Worker[];
  readonly #control: Int32Array;

  private constructor(plan: TrainingPlan, memory: WebAssembly.Memory, threads: Worker[]) {
    this.#threads = threads;
    this.#control = new Int32Array(memory.buffer, plan.controlAddress, 1);
  }

  /** `ahead`: with an augmentation thread besides. */
  static async start(
    spec: TrainingSpec,
    { kernels, ahead = false }: { kernels: string; ahead?: boolean },
  ): Promise<Training> {
    const plan = planTraining(spec);
    const memory = createMemory(plan);
    const { train } = plan.splits;
    const made = pictures(spec.counts.train, sizeOf(spec.input));
    new Uint8Array(memory.buffer, train.samplesAddress, made.samples.length).set(
      made.samples.map((value) => Math.round(value * 255)),
    );
    new Int32Array(memory.buffer, train.labelsAddress, made.labels.length).set(made.labels);
    const numbers = [
      ...Array.from({ length: spec.threads }, (_, thread) => thread),
      ...(ahead ? [augmentationThread] : []),
    ];
    const threads = numbers.map(
      (thread) =>
        new Worker(new URL("./engine-thread.js", import.meta.url), {
          workerData: { plan, memory, kernels, numerics: spec.numerics, thread },
        }),
    );
    await answer(threads[0]);
    return new Training(plan, memory, threads);
  }

  /** Lets the trainer run and asks for a report when the time is over. Between two calls all threads sleep. */
  async run(seconds: number): Promise<Work> {
    const chunk = answer<Work>(this.#threads[0]);
    this.#threads[0].postMessage("run");
    setTimeout(() => Atomics.or(this.#control, 0, request.report), seconds * 1000);
    return chunk;
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}
