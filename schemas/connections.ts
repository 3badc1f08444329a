/** Which feature maps a convolution combines: M_j of Bouvrie §3.1, the named tables, and whether they are learned (§3.3). */
import type { Connections, ConvolutionLayer } from "./layer.ts";

/** LeNet-5's table (LeCun 1998, Table I): 16 maps over 6: six triplets of neighbours, nine quadruplets, one of all. */
export const lenet5Connections: readonly (readonly number[])[] = [
  [0, 1, 2],
  [1, 2, 3],
  [2, 3, 4],
  [3, 4, 5],
  [0, 4, 5],
  [0, 1, 5],
  [0, 1, 2, 3],
  [1, 2, 3, 4],
  [2, 3, 4, 5],
  [0, 3, 4, 5],
  [0, 1, 4, 5],
  [0, 1, 2, 5],
  [0, 1, 3, 4],
  [1, 2, 4, 5],
  [0, 2, 3, 5],
  [0, 1, 2, 3, 4, 5],
];

/** All k-subsets of 0 … n−1 in lexicographic order. */
export function subsets(n: number, k: number): number[][] {
  const found: number[][] = [];
  const grow = (chosen: number[], from: number): void => {
    if (chosen.length === k) {
      found.push(chosen);
      return;
    }
    for (let next = from; next <= n - (k - chosen.length); next++) grow([...chosen, next], next + 1);
  };
  grow([], 0);
  return found;
}

/** n choose k for k = 2 or 3, without building the table. */
export const choose = (n: number, k: 2 | 3): number => (k === 2 ? (n * (n - 1)) / 2 : (n * (n - 1) * (n - 2)) / 6);

export const isLearned = (inputs: Connections): inputs is Extract<Connections, { learned: unknown }> =>
  typeof inputs === "object" && !Array.isArray(inputs);

/**
 * M_j of Bouvrie §3.1 for every output map j, or null where every map reads all inputs. Call only for a layer that
 * fits.
 */
export function connectionTable(layer: ConvolutionLayer, channels: number): readonly (readonly number[])[] | null {
  const { inputs } = layer;
  if (inputs === "all" || isLearned(inputs)) return null;
  if (inputs === "pairs") return subsets(channels, 2);
  if (inputs === "triplets") return subsets(channels, 3);
  if (inputs === "lenet-5") return lenet5Connections;
  return inputs;
}
