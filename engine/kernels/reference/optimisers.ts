/**
 * From the shards' gradients to new parameters: their sum in shard order, its norm, and the update rules, the first of
 * which is Bouvrie (2), ΔW = −η ∂E/∂W. Flat arrays of reals.
 */
import type { ReferenceKernel, Reals } from "./memory.ts";

/** output = scale · Σ over shards. */
export const reduce: ReferenceKernel<"reduce"> = (memory, call) => {
  const output = memory.reals(call.output);
  const factor = memory.reals(call.scale)[0];
  for (let n = 0; n < call.count; n++) {
    let sum = 0;
    for (let shard = 0; shard < call.shards; shard++) sum += memory.reals(call.gradients + shard * call.stride)[n];
    output[n] = sum * factor;
  }
};

/** partial = Σ g². */
export const squaredNorm: ReferenceKernel<"squaredNorm"> = (memory, call) => {
  const gradient = memory.reals(call.gradient);
  let sum = 0;
  for (let n = 0; n < call.count; n++) sum += gradient[n] * gradient[n];
  memory.doubles(call.partial)[0] = sum;
};

export const scale: ReferenceKernel<"scale"> = (memory, call) => {
  const gradient = memory.reals(call.gradient);
  const factor = memory.reals(call.scale)[0];
  for (let n = 0; n < call.count; n++) gradient[n] = gradient[n] * factor;
};

/** g' = g + λw; v = μv + g'; w −= ηv, or with Nesterov's step w −= η(g' + μv). */
export const sgd: ReferenceKernel<"sgd"> = (memory, call) => {
  const parameters = memory.reals(call.parameters);
  const gradient = memory.reals(call.gradient);
  const velocity: Reals | undefined = call.velocity === 0 ? undefined : memory.reals(call.velocity);
  const [rate, momentum, decay] = Array.from(memory.reals(call.settings).subarray(0, 3)) as [number, number, number];
  for (let n = 0; n < call.count; n++) {
    const g = gradient[n] + decay * parameters[n];
    let step = g;
    if (velocity) {
      const v = momentum * velocity[n] + g;
      velocity[n] = v;
      step = call.nesterov === 1 ? g + momentum * v : v;
    }
    parameters[n] = parameters[n] - rate * step;
  }
};

/** Adam (Kingma & Ba 2015, algorithm 1), the bias corrections precomputed in the settings. */
export const adam: ReferenceKernel<"adam"> = (memory, call) => {
  const parameters = memory.reals(call.parameters);
  const gradient = memory.reals(call.gradient);
  const first = memory.reals(call.first);
  const second = memory.reals(call.second);
  const [rate, beta1, oneMinusBeta1, beta2, oneMinusBeta2, correction, epsilon, decay] = Array.from(
    memory.reals(call.settings).subarray(0, 8),
  ) as [number, number, number, number, number, number, number, number];
  for (let n = 0; n < call.count; n++) {
    const g = gradient[n] + decay * parameters[n];
    const m = beta1 * first[n] + oneMinusBeta1 * g;
    const v = beta2 * second[n] + oneMinusBeta2 * g * g;
    first[n] = m;
    second[n] = v;
    parameters[n] = parameters[n] - (rate * m) / (Math.sqrt(v) * correction + epsilon);
  }
};

/** w −= η / (μ + h) · (g + λw), h the running second derivative (LeCun 1998, appendix C). */
export const levenbergMarquardt: ReferenceKernel<"levenbergMarquardt"> = (memory, call) => {
  const parameters = memory.reals(call.parameters);
  const gradient = memory.reals(call.gradient);
  const curvature = memory.reals(call.curvature);
  const [rate, damping, decay] = Array.from(memory.reals(call.settings).subarray(0, 3)) as [number, number, number];
  for (let n = 0; n < call.count; n++) {
    const g = gradient[n] + decay * parameters[n];
    parameters[n] = parameters[n] - (rate / (damping + curvature[n])) * g;
  }
};
