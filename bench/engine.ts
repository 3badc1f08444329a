/**
 * The engine as a contender: `node engine.js native|assembly reproducible|fast`. The training thread is a worker_threads thread, as in the service; the process
 * that answers only sets control words.
 */
import { Worker } from "node:worker_threads";
import { createMemory, createPredictor, engineVersion, planPrediction, planTraining, request } from "../engine/index.ts";
import type { TrainingPlan, TrainingSpec } from "../engine/index.ts";
import type { Numerics } from "../schemas/job.ts";
import { sizeOf } from "../schemas/shape.ts";
import { classes, input } from "./cases.ts";
import { findKernels } from "./engine-kernels.ts";
import { endlessTraining, initialWeights } from "./initial-weights.ts";
import { pictures, repeat, serve, type Chunk, type Prepared } from "./protocol.ts";

const [, , kernels = "assembly", numerics = "reproducible"] = process.argv as [string, string, string?, Numerics?];
const samples = 2048;

/** Resolves with the next message of a thread; rejects if it fails. */
const answer = <Message>(thread: Worker): Promise<Message> =>
  new Promise((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", reject);
  });

class Training {
  readonly #threads: Worker[];
  readonly #control: Int32Array;

  private constructor(plan: TrainingPlan, memory: WebAssembly.Memory, threads: Worker[]) {
    this.#threads = threads;
    this.#control = new Int32Array(memory.buffer, plan.controlAddress, 1);
  }

  static async start(spec: TrainingSpec): Promise<Training> {
    const plan = planTraining(spec);
    const memory = createMemory(plan);
    const { train } = plan.splits;
    const made = pictures(samples, sizeOf(input));
    new Float32Array(memory.buffer, train.samplesAddress, made.samples.length).set(made.samples);
    new Int32Array(memory.buffer, train.labelsAddress, samples).set(made.labels);
    const threads = Array.from({ length: spec.threads }, (_, thread) => new Worker(new URL("./engine-thread.js", import.meta.url), { workerData: { plan, memory, kernels, numerics, thread } }));
    await answer(threads[0]);
    return new Training(plan, memory, threads);
  }

  /** Lets the trainer run and asks for a report when the time is over. Between two calls all threads sleep. */
  async run(seconds: number): Promise<Chunk> {
    const chunk = answer<Chunk>(this.#threads[0]);
    this.#threads[0].postMessage("run");
    setTimeout(() => Atomics.or(this.#control, 0, request.report), seconds * 1000);
    return chunk;
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}

let training: Training | null = null;
let infer: (() => number) | null = null;

async function prepare(wanted: Prepared): Promise<string | undefined> {
  await training?.end();
  [training, infer] = [null, null];
  if (wanted.mode === "training") {
    training = await Training.start(endlessTraining(wanted, numerics, samples));
    return undefined;
  }
  if (wanted.threads > 1) return "a prediction runs on one thread; several run at once";
  const plan = planPrediction({ network: wanted.definition.network, input, classes, normalisation: { kind: "none", mean: [0], std: [1] }, batch: wanted.batch });
  const memory = createMemory(plan);
  const predictor = createPredictor({ plan, memory, kernels: findKernels(kernels, numerics)(memory), weights: initialWeights(wanted) });
  const { samples: batch } = pictures(wanted.batch, sizeOf(input));
  infer = () => {
    predictor.predict(batch, wanted.batch);
    return wanted.batch;
  };
  return undefined;
}

async function run(seconds: number): Promise<Chunk> {
  if (training) return training.run(seconds);
  const work = infer;
  if (!work) throw new Error("nothing is prepared");
  return repeat(seconds, () => work());
}

findKernels(kernels, numerics);
await serve({ version: engineVersion, notes: [`${kernels} kernels, ${numerics} numerics`], prepare, run });
