/**
 * The search where a request names none. Halving: of all kinds it finds most with the same epochs, and its winner is
 * the same on any number of workers. Its size follows the budget where there is one and a worker has reported a rate.
 */
import type { SearchRequest } from "../schemas/sweep.ts";
import { longestPath, rungsOf } from "./rungs.ts";

/** How fast trials of this base train. */
export interface Pace {
  /** From the rate that workers last reported; null where none has. */
  secondsPerEpoch: number | null;
  /** Trainings that all workers together run at once. */
  slots: number;
}

const reduction = 3;
const sizes = [81, 54, 27, 18, 9, 6];
const least = 3;
const usual = 27;
/** What remains is for starting, evaluating and writing. */
const usable = 0.8;

/** Rungs that end with the whole training and triple up to it, as far as so many trials can be divided by three. */
function sized(
  kind: "halving" | "asha",
  trials: number,
  epochs: number,
): Extract<SearchRequest, { reduction: number }> {
  let growth = 1;
  for (let left = trials; left >= reduction; left = Math.floor(left / reduction)) growth *= reduction;
  return { kind, trials, reduction, firstEpochs: Math.max(1, Math.ceil(epochs / growth)) };
}

export function chooseSearch(options: Pace & { epochs: number; parallel: number; maxSeconds: number | null }): {
  search: SearchRequest;
  reasons: string[];
} {
  const { epochs, parallel, maxSeconds, secondsPerEpoch, slots } = options;
  if (maxSeconds === null)
    return {
      search: sized("halving", usual, epochs),
      reasons: [
        `Halving over ${usual} trials: most of them end after a short training, and the time goes to the best.`,
      ],
    };
  if (secondsPerEpoch === null)
    return {
      search: sized("asha", usual, epochs),
      reasons: [
        `No worker has trained such a network yet, so nobody knows what fits into ${maxSeconds} s: asha takes the best so far to the end of their training early, whenever the time runs out.`,
      ],
    };
  const lanes = Math.max(1, Math.min(parallel, slots));
  const secondsOf = (trials: number): number =>
    longestPath(rungsOf(sized("halving", trials, epochs), epochs), lanes) * secondsPerEpoch;
  const trials = [...sizes, least].find((each) => secondsOf(each) <= usable * maxSeconds);
  return {
    search: sized("halving", trials ?? least, epochs),
    reasons: [
      trials === undefined
        ? `Even halving over ${least} trials takes about ${Math.ceil(secondsOf(least))} s, more than fits into ${maxSeconds} s: it ends with the best there is by then. Fewer epochs in the base would let it finish.`
        : `Halving over ${trials} trials takes about ${Math.ceil(secondsOf(trials))} s at the rate that workers last reported, which fits into ${maxSeconds} s.`,
    ],
  };
}
