/** The rungs of successive halving: how many trials train how long before the best of them go on. */
import type { SearchRequest } from "../schemas/sweep.ts";
import type { Rung } from "../schemas/trial.ts";

type WithRungs = Extract<SearchRequest, { reduction: number }>;

export const hasRungs = (search: SearchRequest): search is WithRungs =>
  search.kind === "halving" || search.kind === "asha";

/**
 * All trials begin; one in `reduction` goes on to `reduction` times the epochs, as long as that is less than the whole
 * training. The last rung trains the whole. Jamieson & Talwalkar 2016, algorithm 1, with the length of a training
 * given.
 */
export function rungsOf(search: WithRungs, whole: number): Rung[] {
  const rungs: Rung[] = [];
  let left = search.trials;
  for (let epochs = search.firstEpochs; ; epochs *= search.reduction) {
    const last = epochs >= whole || left < search.reduction;
    rungs.push({ rung: rungs.length, trials: left, epochs: last ? whole : epochs });
    if (last) return rungs;
    left = Math.floor(left / search.reduction);
  }
}

/** Epochs that each trial of a rung trains in it; `own` where the trial's own request says. */
const trainedIn = (rungs: readonly Rung[], rung: number, own: number): number =>
  (rungs[rung].epochs ?? own) - (rungs[rung - 1]?.epochs ?? 0);

/** Epochs that all trials train together if none fails; `own` is what a trial of grid or random trains. */
export const epochsOf = (rungs: readonly Rung[], own: number): number =>
  rungs.reduce((sum, { rung, trials }) => sum + trials * trainedIn(rungs, rung, own), 0);

/** How many epochs pass, one after the other, where `lanes` trials train side by side and each rung waits for its end. */
export const longestPath = (rungs: readonly Rung[], lanes: number): number =>
  rungs.reduce((sum, { rung, trials }) => sum + Math.ceil(trials / lanes) * trainedIn(rungs, rung, 1), 0);
