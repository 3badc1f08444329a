/** The engine as a contender: `node engine.js native|assembly reproducible|fast`. */
import { createMemory, createPredictor, engineVersion, planPrediction } from "../engine/index.ts";
import type { Numerics } from "../schemas/job.ts";
import { sizeOf } from "../schemas/shape.ts";
import { classes } from "./cases.ts";
import { findKernels } from "./engine-kernels.ts";
import { Training } from "./engine-training.ts";
import { endlessTraining, initialWeights, plainNormalisation } from "./initial-weights.ts";
import { pictures, repeat, serve, type Work, type Prepared } from "./protocol.ts";

const [, , kernels = "assembly", numerics = "reproducible"] = process.argv as [string, string, string?, Numerics?];
const samples = 2048;

let training: Training | null = null;
let infer: (() => number) | null = null;

async function prepare(wanted: Prepared): Promise<string | undefined> {
  await training?.end();
  [training, infer] = [null, null];
  if (wanted.mode === "training") {
    training = await Training.start(endlessTraining(wanted, numerics, samples), { kernels });
    return undefined;
  }
  if (wanted.threads > 1) return "a prediction runs on one thread; several run at once";
  const { network, input } = wanted.definition;
  const plan = planPrediction({
    network,
    input,
    classes,
    normalisation: plainNormalisation(input, 1),
    batch: wanted.batch,
    numerics,
  });
  const memory = createMemory(plan);
  const predictor = createPredictor({
    plan,
    memory,
    kernels: findKernels(kernels, numerics)(memory),
    weights: initialWeights(wanted),
  });
  const { samples: batch } = pictures(wanted.batch, sizeOf(input));
  infer = () => {
    predictor.predict(batch, wanted.batch);
    return wanted.batch;
  };
  return undefined;
}

async function run(seconds: number): Promise<Work> {
  if (training) return training.run(seconds);
  const work = infer;
  if (!work) throw new Error("nothing is prepared");
  return repeat(seconds, () => work());
}

findKernels(kernels, numerics);
await serve({ version: engineVersion, notes: [`${kernels} kernels, ${numerics} numerics`], prepare, run });
