/**
 * The contract of the kernels: every compute routine of the engine, with its arguments, its mathematics and its order
 * of operations. Three implementations keep it: reference/ (the oracle), assembly/ (WebAssembly SIMD) and native/ (C).
 *
 * A layer does not call a kernel; it *records* a call into a program (engine/program), and a thread runs whole
 * programs. A call is a record of `callWords` 32-bit words in the shared memory:
 *
 *     word 0        1 …                      31
 *     ┌────────────┬────────────────────────┬──────┐
 *     │ opcode     │ arguments, in the      │ zero │
 *     │ (position) │ order of the contract  │      │
 *     └────────────┴────────────────────────┴──────┘
 *
 * Arguments are unsigned 32-bit integers. Those named in `addressArguments` are byte addresses in the shared memory,
 * 64-byte aligned unless said otherwise; address 0 means "absent". All other numbers are counts or codes. Real numbers
 * never travel as arguments: they stand in memory. *real* below means float32 (float64 for the reference in float64),
 * *double* float64, *int* int32.
 *
 * Layout. Maps lie as [map][row][column][lanes]. `lanes` is 8 (a block of eight samples) or 1 (a single sample). A lane
 * that holds no sample carries zero input and zero sensitivity. Filters lie as [input][ky][kx][map] and dense weights
 * as [input][unit], so a convolution whose output is 1×1 *is* a dense layer; checkpoints convert at the door.
 *
 * A kernel writes only what the contract says, but may *read* up to 64 bytes before and behind an array (whole vectors
 * at its edges), so the plan of the memory leaves that much before its first array and behind its last.
 *
 * Order of operations (the promise "assembly and native give the same bits"):
 *  - multiply and add are separate roundings; each output element is one chain of additions in the order given;
 *  - tree(s) adds eight partial sums as ((s0+s4)+(s2+s6)) + ((s1+s5)+(s3+s7)): i+(i+4), then +2, then +1;
 *  - a sum over samples for lanes = 8 keeps one partial sum a lane; for lanes = 1 it keeps eight partial sums, term
 *    number p (a column, a unit, a position: the innermost loop's counter) going to partial sum p mod 8;
 *  - comparisons are written so that a NaN passes through: relu is x < 0 ? 0 : x, a maximum is replaced where new > old
 *    or new is NaN, and the first maximum wins.
 * elementary.md fixes exp, log, tanh, gates and the small details of each kernel; the reference adds in float64 and
 * owes nobody its order. docs/MATHEMATICS.md maps each kernel to its equation.
 */

/** Bytes of one recorded call: 32 words. */
export const callWords = 32;
export const callBytes = callWords * 4;

/** Codes of the activations f; `softmax` never reaches a layer's kernel (it has one of its own). */
export const activationCodes = { linear: 0, sigmoid: 1, tanh: 2, "scaled-tanh": 3, relu: 4, "leaky-relu": 5 } as const;

/** Added to an activation's code in a `gate`: multiply by f′(u)² instead of f′(u) (second derivatives, LeCun 1998). */
export const gateSquared = 8;

export const reduceCodes = { sum: 0, mean: 1, max: 2 } as const;
export const penaltyCodes = { none: 0, l1: 1, entropy: 2, half: 3, concentration: 4 } as const;
export const lossCodes = { "squared-error": 0, "cross-entropy": 1 } as const;
/** What a sample's numbers are: bytes, float32, or the memory's own reals. */
export const dtypeCodes = { uint8: 0, float32: 1, real: 2 } as const;

/** Slope of leaky relu below zero; the two constants of LeCun's scaled tanh, A·tanh(S·u). */
export const leakySlope = 0.01;
export const scaledTanh = { A: 1.7159, S: 2 / 3 } as const;

/**
 * The header of a block, 32 ints that JavaScript writes before a program runs.
 *   [0] count of samples in this block, 0 … lanes
 *   [1 … 8]   row of each lane in the samples that `gather` reads
 *   [9 … 16]  identity of each lane's sample: its index in the split (labels, random draws)
 *   [17 … 24] row of each lane in the results (`scatter`)
 */
export const headerInts = 32;
export const headerCount = 0;
export const headerRows = 1;
export const headerSamples = 9;
export const headerResults = 17;

export const contract = {
  /** output[0 … count) = 0 (reals). */
  clear: ["output", "count"],
  /** output = input ∘ input (reals). For second derivatives. */
  square: ["input", "output", "count"],

  /**
   * x⁰: takes samples to the block's layout and normalises them: output[c][p][l] = (sample[row_l][c][p] − mean[c]) ·
   * factor[c], the subtraction first. Lanes ≥ count become 0. `samples` is [row][channel][pixel] of `dtype` (any
   * alignment of its element).
   */
  gather: ["samples", "header", "mean", "factor", "output", "dtype", "channels", "pixels", "lanes"],
  /**
   * Puts maps [maps][rows][columns] in the middle of [maps][rows + 2·padding][columns + 2·padding]. The border is zero
   * from the start and is not written.
   */
  pad: ["input", "output", "maps", "rows", "columns", "padding", "lanes"],

  /**
   * Bouvrie §3.1: x_j = f( Σ_{i∈M_j} x_i ∗ k_ij + b_j ) in cross-correlation orientation, 'valid' over the input
   * between `padding` zeros, with a stride. input [inputs][rows][columns] (*unpadded*), weights
   * [inputs][size][size][maps] (zero where not connected), bias [maps], output [maps][outRows][outColumns] with outRows
   * = (rows + 2·padding − size)/stride + 1. Chain: bias, then i, ky, kx ascending, zeros of the border like any other
   * input; then + shortcut (as output; absent where 0); then f.
   *
   * `padded` (0 where padding is) has room for the input with its zeros around, a border that is zero from the start:
   * an implementation that wants the zeros in memory puts it there, and its convolutionGradient finds it. Nobody else
   * reads it. `prepared` is what convolutionPrepare made of these weights, or 0.
   */
  convolutionForward: [
    "input",
    "padded",
    "weights",
    "prepared",
    "bias",
    "shortcut",
    "output",
    "inputs",
    "rows",
    "columns",
    "maps",
    "size",
    "stride",
    "padding",
    "activation",
    "lanes",
  ],
  /**
   * What an implementation wants to make of filters of 3×3 once instead of in each convolutionForward: preparedFloats
   * of them, in an order of its own. One that wants nothing leaves `prepared` alone.
   */
  convolutionPrepare: ["weights", "prepared", "inputs", "maps"],
  /**
   * §3.2's 'full' convolution: output_i = f′(u_i) ∘ Σ_j conv2(δ_j, rot180(k_ij), 'full'), the sensitivity of the layer
   * below. delta [maps][outRows][outColumns]; input x [inputs][rows][columns] (*unpadded*) is what the gate reads;
   * output as input. Tap: output pixel (r, c) takes δ_j[p][q]·w[i][ky][kx][j] for all p·stride + ky = r + padding,
   * q·stride + kx = c + padding. Chain: 0, then j, ky, kx ascending, skipping taps outside δ; then times the gate (a
   * gate of linear multiplies by nothing).
   */
  convolutionBackward: [
    "delta",
    "weights",
    "input",
    "output",
    "inputs",
    "rows",
    "columns",
    "maps",
    "outRows",
    "outColumns",
    "size",
    "stride",
    "padding",
    "gate",
    "lanes",
  ],
  /**
   * ∂E/∂k_ij = Σ_{u,v} (δ_j)_{uv} (p_i)_{uv} and (3) ∂E/∂b_j = Σ_{u,v} (δ_j)_{uv}, *added* to gradient
   * [inputs][size][size][maps] and biasGradient [maps]. input as in convolutionForward, and `padded` as that left it:
   * only after a forward call of the same input. Partial sums over rows, then columns ascending, the border's zeros
   * like any other input (lanes = 1: by the column of δ mod 8); gradient += tree(s). biasGradient likewise; absent
   * where 0.
   */
  convolutionGradient: [
    "input",
    "padded",
    "delta",
    "gradient",
    "biasGradient",
    "inputs",
    "rows",
    "columns",
    "maps",
    "size",
    "stride",
    "padding",
    "lanes",
  ],

  /** §2: x = f(W x + b). Chain: bias, then inputs ascending; then f. */
  denseForward: ["input", "weights", "bias", "output", "inputs", "units", "activation", "lanes"],
  /**
   * (1): output = Wᵀδ ∘ f′(u) of the layer below, gate from input x. lanes = 8: chain 0, then units ascending; lanes =
   * 1: tree of eight partial sums by unit mod 8.
   */
  denseBackward: ["delta", "weights", "input", "output", "inputs", "units", "gate", "lanes"],
  /**
   * (2): gradient[i][u] += δ_u x_i, samples in order: g = g + x[0]δ[0], then + x[1]δ[1] … (all lanes).
   * biasGradient[u] += tree(δ_u) for lanes = 8, += δ_u for lanes = 1; absent where 0.
   */
  denseGradient: ["input", "delta", "gradient", "biasGradient", "inputs", "units", "lanes"],
  /**
   * The same for `count` blocks with one pass over the weights. `blocks`: five words for each, the addresses of its
   * input, its output, δ and δ of the layer below, and its lanes (those of one lane last); 4-byte aligned. Each block's
   * numbers are those of denseForward and denseBackward, which read and write what the table says: forward input and
   * output, backward δ, δ of the layer below and input.
   */
  denseBlocksForward: ["blocks", "weights", "bias", "count", "inputs", "units", "activation"],
  denseBlocksBackward: ["blocks", "weights", "count", "inputs", "units", "gate"],
  /**
   * (2) for all blocks of a batch at once, by rows: gradient[i][u] = (Σ δ_u x_i)·scale[0], *set*, for `rows` inputs i
   * of which the first is `from`; gradient is the address of that row. `blocks` as above, of which it reads input, δ
   * and lanes. Chain: 0, then block by block as denseGradient; then the scale.
   */
  denseBlocksGradient: ["blocks", "gradient", "scale", "count", "from", "rows", "units"],

  /**
   * §3.2: x_j = f( β_j down(x_j) + b_j ) over blocks of blockRows × blockColumns. down: sum (rows, then columns of the
   * block ascending), mean (that sum times the real nearest to 1/(blockRows · blockColumns)), or max. `down` (absent if
   * 0) keeps d_j = down(x_j); `winners` (absent if 0, for max only), ints, which pixel of the block is the first that
   * equals d, counted by row, then column: −1 where d is no number. What fills no block is dropped. output
   * [maps][⌊rows/blockRows⌋][⌊columns/blockColumns⌋]. β·d, then + b, then f.
   */
  subsamplingForward: [
    "input",
    "beta",
    "bias",
    "output",
    "down",
    "winners",
    "maps",
    "rows",
    "columns",
    "blockRows",
    "blockColumns",
    "reduce",
    "activation",
    "lanes",
  ],
  /**
   * §3.1: δ_j = β_j ( f′(u_j) ∘ up(δ_j) ): output = (β_j·δ [· 1/(blockRows · blockColumns) for mean]) · gate. The gate
   * reads input x. For max only the winner (as kept, with d in `down`) receives it, and the gate reads d, not input.
   * What fills no block gets 0. With a squared gate β and the share of the mean are squared first.
   */
  subsamplingBackward: [
    "delta",
    "beta",
    "input",
    "down",
    "winners",
    "output",
    "maps",
    "rows",
    "columns",
    "blockRows",
    "blockColumns",
    "reduce",
    "gate",
    "lanes",
  ],
  /**
   * ∂E/∂β_j += Σ δ_j ∘ d_j; ∂E/∂b_j += Σ δ_j. positions = rows·columns of the output; partial sums over positions; then
   * tree.
   */
  subsamplingGradient: ["delta", "down", "betaGradient", "biasGradient", "maps", "positions", "lanes"],

  /**
   * Inverted dropout: output = kept ? input · factor[0] : 0, kept if draw(key, sample, unit) ≥ threshold (unsigned).
   * `key` is the address of one uint32 that JavaScript sets for each step; sample from the header; unit counts
   * [map][row][column]. factor[0] = 1/(1−rate). draw(key, sample, unit) = mix(mix(key + sample·0x9E3779B1) +
   * unit·0x85EBCA77) all modulo 2³², with mix(h): h ^= h>>>16; h *= 0x85EBCA6B; h ^= h>>>13; h *= 0xC2B2AE35; h ^=
   * h>>>16.
   */
  dropoutForward: ["input", "output", "header", "key", "factor", "threshold", "units", "lanes"],
  /** output = gate ∘ (kept ? δ · factor[0] : 0); with a squared gate the factor is squared. */
  dropoutBackward: ["delta", "input", "output", "header", "key", "factor", "threshold", "units", "gate", "lanes"],

  /**
   * doubles: sums[map] += (Σ x, Σ x²) over positions and the first `count` lanes (from the header). Each in double:
   * positions ascending, a partial sum a lane (lanes = 1: position mod 8), then tree. sums [maps][2].
   */
  normalisationStatistics: ["input", "header", "sums", "maps", "positions", "lanes"],
  /**
   * Adds the shards' sums in order and finishes: mean, variance (÷ n, never below 0), inverse = 1/√(variance + epsilon)
   * into moments [maps][2] (mean, inverse; reals), all in double and rounded once. runningMean/runningVariance +=
   * momentum·(new − old), variance ÷ (n−1) there (n if n = 1); skipped where runningMean is 0. sums: shards × `stride`
   * bytes apart. settings: doubles [n, momentum, epsilon].
   */
  normalisationMoments: ["sums", "moments", "runningMean", "runningVariance", "settings", "maps", "shards", "stride"],
  /**
   * y = f( (x − mean)·inverse·weight + bias + shortcut ), left to right, the last (as output) absent where 0; lanes
   * without a sample become 0.
   */
  normalisationForward: [
    "input",
    "header",
    "moments",
    "weight",
    "bias",
    "shortcut",
    "output",
    "maps",
    "positions",
    "activation",
    "lanes",
  ],
  /**
   * doubles: sums[map] += (Σ δ, Σ δ·x̂), x̂ = (x − mean)·inverse; also the gradients: bias's is Σ δ, weight's Σ δ·x̂.
   * As normalisationStatistics.
   */
  normalisationBackwardStatistics: ["delta", "input", "header", "moments", "sums", "maps", "positions", "lanes"],
  /**
   * Adds the shards' sums in order: means[map] = (Σδ, Σδx̂)/n (reals) and weightGradient = Σδx̂, biasGradient = Σδ
   * (reals; *set*, not added). settings: doubles [n].
   */
  normalisationBackwardMoments: [
    "sums",
    "means",
    "weightGradient",
    "biasGradient",
    "settings",
    "maps",
    "shards",
    "stride",
  ],
  /**
   * output = ((δ − means[0]) − x̂·means[1])·(inverse·weight), then · gate; lanes without a sample become 0. output may
   * be δ.
   */
  normalisationBackward: [
    "delta",
    "input",
    "header",
    "moments",
    "means",
    "weight",
    "output",
    "maps",
    "positions",
    "gate",
    "lanes",
  ],

  /** He et al. 2016: y = f( input + shortcut ), element by element. output may be either of them. */
  residualForward: ["input", "shortcut", "output", "activation", "count"],
  /**
   * The way back: output = output + δ · gate, the gate from input x; a gate of linear multiplies by nothing. input and
   * output [maps][rows][columns], of which every stride-th pixel both ways, from the first on, has a δ:
   * [maps][⌈rows/stride⌉][⌈columns/stride⌉]. The others stay as they are.
   */
  residualBackward: ["delta", "input", "output", "gate", "maps", "rows", "columns", "stride", "lanes"],

  /** output = softmax(input) over units, a lane at a time: maximum m, e = exp(u − m), sum in order, e / sum. */
  softmax: ["input", "output", "units", "lanes"],
  /**
   * The loss and δ^L = ∂E/∂u^L of each sample. `output` is y = f(u); `logits` is u (needed for softmax only, else 0).
   * labels: int a sample of the split. Targets one-of-C: `high` for the class, `low` otherwise, targets: reals [low,
   * high]. `softmax` is 1 where f is softmax, else `activation` is f's code. cross-entropy: loss = ln Σ exp(u − m) −
   * (u_t − m); δ = y − t. squared-error: loss = ½ Σ (t − y)², units ascending; δ = f′(u)∘(y − t), or for softmax the
   * full Jacobian δ_i = y_i((y−t)_i − Σ_m y_m (y−t)_m). totals: doubles [loss, correct] += each sample's in lane order;
   * the prediction is the first largest output (a NaN never replaces). Lanes without a sample get δ = 0. `delta` may be
   * 0 (evaluation).
   */
  loss: [
    "output",
    "logits",
    "delta",
    "labels",
    "header",
    "targets",
    "totals",
    "kind",
    "softmax",
    "activation",
    "units",
    "lanes",
  ],
  /**
   * Second derivatives at the output (Gauss–Newton, LeCun 1998): cross-entropy y(1−y); squared-error f′(u)², or for
   * softmax, where each u moves every y, the squares of its whole Jacobian h_i = Σ_m (∂y_m/∂u_i)² = y_i²((1−y_i)² +
   * Σ_{m≠i} y_m²), the sum of the others being Σ_m y_m² (m ascending) − y_i². Lanes without a sample get 0.
   */
  lossCurvature: ["output", "delta", "header", "kind", "softmax", "activation", "units", "lanes"],
  /** results[header result row][unit] = output[unit][lane] (reals) for the block's samples. */
  scatter: ["output", "header", "results", "units", "lanes"],

  /** α_ij = softmax over i of c_ij (§3.3), lnα = c − logsumexp(c). mix and alpha, logAlpha [maps][inputs]. */
  combinationAlpha: ["mix", "alpha", "logAlpha", "maps", "inputs"],
  /** weights[i][k][j] = α_ij · filters[i][k][j], or · filters[i][k] where shared = 1. area = size². */
  combinationWeights: ["filters", "alpha", "weights", "inputs", "area", "maps", "shared"],
  /**
   * From g = ∂E/∂weights: filterGradient = α_ij·g (summed over j ascending where shared), ∂E/∂α_ij = Σ_k filters·g (k
   * ascending), which is the notes' Σ δ ∘ (x_i ∗ k_i); then ∂E/∂c_ij = α_ij(∂E/∂α_ij − Σ_m ∂E/∂α_mj α_mj) (m
   * ascending). Sets filterGradient and mixGradient; `work` holds maps·inputs reals.
   */
  combinationGradient: [
    "gradient",
    "filters",
    "alpha",
    "filterGradient",
    "mixGradient",
    "work",
    "inputs",
    "area",
    "maps",
    "shared",
  ],
  /**
   * §3.3.1: mixGradient_ij += s_ij − α_ij Σ_m s_mj with s = α·∂Ω/∂α: l1 λα (as printed; Σ_m s_mj is λ on the simplex,
   * so what is added is zero), entropy −λα(lnα + 1), half λ√α/2, concentration −2λα². strength: one real, λ. omega: one
   * double, set to Ω.
   */
  combinationPenalty: ["alpha", "logAlpha", "mixGradient", "strength", "omega", "penalty", "maps", "inputs"],
  /** gradient[i][k][j] = 0 where mask[i][j] (one byte a pair) is 0: filters of a sparse table that are not there. */
  mask: ["gradient", "mask", "inputs", "area", "maps"],

  /**
   * output[n] = (Σ over shards ascending of gradients[shard][n]) · scale[0]. `stride`: bytes from shard to shard.
   * Addresses 4-byte aligned.
   */
  reduce: ["gradients", "output", "scale", "shards", "stride", "count"],
  /**
   * double partial[0] = Σ g²: eight partial sums by n mod 8, each in double; tree. Never more than 4096 elements a
   * call.
   */
  squaredNorm: ["gradient", "partial", "count"],
  /** gradient *= scale[0]. */
  scale: ["gradient", "scale", "count"],
  /**
   * SGD: g' = g + λw; v = μv + g'; w −= ηv. Without momentum (velocity 0): w −= ηg'. nesterov = 1: w −= η(g' + μv).
   * settings: reals [η, μ, λ].
   */
  sgd: ["parameters", "gradient", "velocity", "settings", "nesterov", "count"],
  /**
   * Adam (Kingma & Ba 2015, algorithm 1): g' = g + λw; m = β₁m + (1−β₁)g'; v = β₂v + (1−β₂)g'g'; w −= rate·m /
   * (√v·correction + ε). settings: reals [rate = η/(1−β₁ᵗ), β₁, 1−β₁, β₂, 1−β₂, correction = 1/√(1−β₂ᵗ), ε, λ].
   */
  adam: ["parameters", "gradient", "first", "second", "settings", "count"],
  /**
   * Stochastic diagonal Levenberg–Marquardt (LeCun 1998, §C): w −= (η / (μ + h))·(g + λw). settings: reals [η, μ, λ].
   */
  levenbergMarquardt: ["parameters", "gradient", "curvature", "settings", "count"],
} as const satisfies Record<string, readonly string[]>;

export type KernelName = keyof typeof contract;
export type KernelArguments<Name extends KernelName> = Record<(typeof contract)[Name][number], number>;

export const kernelNames = Object.keys(contract) as KernelName[];
/** A kernel's opcode is its place in the contract. */
export const opcodes = Object.fromEntries(kernelNames.map((name, index) => [name, index])) as Record<
  KernelName,
  number
>;

/** Arguments that are byte addresses; the rest are counts and codes. */
export const addressArguments: ReadonlySet<string> = new Set([
  "output",
  "input",
  "samples",
  "header",
  "mean",
  "factor",
  "weights",
  "bias",
  "delta",
  "gradient",
  "biasGradient",
  "beta",
  "down",
  "winners",
  "betaGradient",
  "key",
  "sums",
  "moments",
  "runningMean",
  "runningVariance",
  "settings",
  "weight",
  "means",
  "weightGradient",
  "logits",
  "labels",
  "targets",
  "totals",
  "results",
  "mix",
  "alpha",
  "logAlpha",
  "filters",
  "filterGradient",
  "mixGradient",
  "work",
  "strength",
  "omega",
  "mask",
  "gradients",
  "scale",
  "partial",
  "parameters",
  "velocity",
  "first",
  "second",
  "curvature",
  "blocks",
  "shortcut",
  "padded",
  "prepared",
]);

/** A block in a table of the contract, all but its lanes addresses; 0 where the kernel does not look. */
export interface TableBlock {
  input: number;
  output: number;
  delta: number;
  /** δ of the layer below. */
  below: number;
  lanes: number;
}

export const blockWords = ({ input, output, delta, below, lanes }: TableBlock): number[] => [
  input,
  output,
  delta,
  below,
  lanes,
];

/**
 * Floats that `prepared` has room for: 36 values of each filter (Winograd's F(4×4, 3×3)) in two orders, for blocks and
 * for a single sample. Each of the 36 planes is an odd number of 16 floats.
 */
export function preparedFloats({ inputs, maps }: { inputs: number; maps: number }): number {
  const plane = (floats: number): number => (Math.ceil(floats / 16) | 1) * 16;
  return 36 * (Math.ceil(maps / 8) * plane(inputs * 8) + plane(inputs * maps));
}

/** One implementation, bound to one memory and one thread. */
export interface Kernels {
  /** reference-float64, reference-float32, assembly, assembly-relaxed, native-x86-64-v3 … */
  readonly name: string;
  /**
   * Runs `calls` records starting at byte address `program`. Never throws for numbers; an unknown opcode is a broken
   * build and throws.
   */
  run(program: number, calls: number): void;
}

/** Bytes of a real: 4 everywhere but in the reference in float64. */
export type RealBytes = 4 | 8;
