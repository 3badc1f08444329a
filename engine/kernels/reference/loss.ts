/**
 * The output's softmax, the losses of Bouvrie §2 with their sensitivity δ^L = ∂E/∂u^L, the Gauss–Newton curvature at
 * the output (LeCun 1998), and the way of the outputs back to their samples' rows. Vectors [unit][lane].
 */
import { headerCount, headerResults, headerSamples, lossCodes } from "../kernels.ts";
import { derivative } from "./activations.ts";
import type { ReferenceKernel, Reals } from "./memory.ts";

/** One lane of a vector [units][lanes]. */
function laneOf(values: Reals, units: number, lanes: number, lane: number): number[] {
  return Array.from({ length: units }, (_, unit) => values[unit * lanes + lane]);
}

function largestOf(values: number[]): number {
  return values.reduce((old, value) => (value > old || Number.isNaN(value) ? value : old), Number.NEGATIVE_INFINITY);
}

/** y = exp(u − m) / Σ exp(u − m), m the largest u. */
export const softmax: ReferenceKernel<"softmax"> = (memory, call) => {
  const { units, lanes } = call;
  const input = memory.reals(call.input);
  const output = memory.reals(call.output);
  for (let lane = 0; lane < lanes; lane++) {
    const u = laneOf(input, units, lanes, lane);
    const largest = largestOf(u);
    const powers = u.map((value) => Math.exp(value - largest));
    const sum = powers.reduce((total, power) => total + power, 0);
    powers.forEach((power, unit) => {
      output[unit * lanes + lane] = power / sum;
    });
  }
};

/** −ln y_t from the logits: ln Σ exp(u − m) − (u_t − m). */
function crossEntropy(logits: number[], label: number): number {
  const largest = largestOf(logits);
  return Math.log(logits.reduce((sum, u) => sum + Math.exp(u - largest), 0)) - (logits[label] - largest);
}

/** ½ Σ (t − y)². */
function squaredError(errors: number[]): number {
  return errors.reduce((sum, error) => sum + error * error, 0) / 2;
}

/** δ of the squared error: f′(u)∘(y − t), or the whole Jacobian of a softmax. */
function squaredErrorDelta(y: number[], errors: number[], isSoftmax: boolean, activation: number): number[] {
  if (!isSoftmax) return y.map((value, unit) => derivative(activation, value) * errors[unit]);
  const mean = y.reduce((sum, value, unit) => sum + value * errors[unit], 0);
  return y.map((value, unit) => value * (errors[unit] - mean));
}

/** The first largest output. */
function predict(y: number[]): number {
  return y.reduce((best, value, unit) => (value > y[best] ? unit : best), 0);
}

export const loss: ReferenceKernel<"loss"> = (memory, call) => {
  const { units, lanes } = call;
  const header = memory.ints(call.header);
  const labels = memory.ints(call.labels);
  const totals = memory.doubles(call.totals);
  const targets = memory.reals(call.targets);
  const low = targets[0];
  const high = targets[1];
  const delta = call.delta === 0 ? undefined : memory.reals(call.delta);
  delta?.fill(0, 0, units * lanes);

  for (let lane = 0; lane < Math.min(header[headerCount], lanes); lane++) {
    const y = laneOf(memory.reals(call.output), units, lanes, lane);
    const label = labels[header[headerSamples + lane]];
    const errors = y.map((value, unit) => value - (unit === label ? high : low));
    const isCrossEntropy = call.kind === lossCodes["cross-entropy"];
    totals[0] =
      totals[0] +
      (isCrossEntropy
        ? crossEntropy(laneOf(memory.reals(call.logits), units, lanes, lane), label)
        : squaredError(errors));
    totals[1] = totals[1] + (predict(y) === label ? 1 : 0);
    const deltas = isCrossEntropy ? errors : squaredErrorDelta(y, errors, call.softmax === 1, call.activation);
    if (delta)
      deltas.forEach((value, unit) => {
        delta[unit * lanes + lane] = value;
      });
  }
};

/**
 * h^L of the squared error: f′(u)², or the squares of a softmax's whole Jacobian, Σ_m (∂y_m/∂u_i)² = y_i² Σ_m ([m = i]
 * − y_m)².
 */
function squaredErrorCurvature(y: number[], isSoftmax: boolean, activation: number): number[] {
  if (!isSoftmax) return y.map((value) => derivative(activation, value) ** 2);
  return y.map((value, i) => value * value * y.reduce((sum, other, m) => sum + ((m === i ? 1 : 0) - other) ** 2, 0));
}

/** h^L: cross-entropy y(1 − y), or the squared error's. */
export const lossCurvature: ReferenceKernel<"lossCurvature"> = (memory, call) => {
  const { units, lanes } = call;
  const output = memory.reals(call.output);
  const delta = memory.reals(call.delta);
  const count = Math.min(memory.ints(call.header)[headerCount], lanes);
  delta.fill(0, 0, units * lanes);
  for (let lane = 0; lane < count; lane++) {
    const y = laneOf(output, units, lanes, lane);
    const curvatures =
      call.kind === lossCodes["cross-entropy"]
        ? y.map((value) => value * (1 - value))
        : squaredErrorCurvature(y, call.softmax === 1, call.activation);
    curvatures.forEach((value, unit) => {
      delta[unit * lanes + lane] = value;
    });
  }
};

/** results[row of the lane's sample][unit] = output[unit][lane]. */
export const scatter: ReferenceKernel<"scatter"> = (memory, call) => {
  const { units, lanes } = call;
  const output = memory.reals(call.output);
  const results = memory.reals(call.results);
  const header = memory.ints(call.header);
  for (let lane = 0; lane < Math.min(header[headerCount], lanes); lane++)
    for (let unit = 0; unit < units; unit++)
      results[header[headerResults + lane] * units + unit] = output[unit * lanes + lane];
};
