/**
 * Second derivatives before an epoch, for optimisers that want them: h_kk averaged over the first samples of the order
 * (LeCun 1998, §C), each batch's mean in turn. Thread 0 with all others following its commands.
 */
import type { Step } from "./commands.ts";
import type { Execution } from "./execution.ts";

export function estimateCurvature(
  execution: Execution,
  { samples, state, epoch, step }: { samples: number; state: string; epoch: number; step: number },
): void {
  const { plan, views } = execution;
  const { network, spec, regions, training } = plan;
  const { batchSize, counts, seed } = spec;
  const batches = Math.max(1, Math.floor(Math.min(samples, counts.train) / batchSize));
  const estimates = training.moved.flatMap(({ tensor, state: states }) =>
    states
      .filter(({ name }) => name === state)
      .map(({ address }) => ({
        sum: new Float64Array(tensor.size),
        from: views.reals(tensor.gradient, tensor.size),
        into: views.reals(address, tensor.size),
      })),
  );
  for (const layer of network.layers) layer.beforeEvaluation?.(views);
  execution.prepareCurvature();
  for (let batch = 0; batch < batches; batch++) {
    const task: Step = { kind: "curvature", start: batch * batchSize, epoch, withNorm: false };
    for (const layer of network.layers) layer.beforeStep?.(views, { seed, step, samples: batchSize });
    views.reals(regions.averageScale, 1)[0] = 1 / batchSize;
    execution.runStep(task);
    for (const layer of network.layers) layer.finishCurvature?.(views);
    for (const { sum, from } of estimates)
      for (let index = 0; index < sum.length; index++) sum[index] += Math.max(0, from[index]);
  }
  for (const { sum, into } of estimates)
    for (let index = 0; index < sum.length; index++) into[index] = sum[index] / batches;
}
