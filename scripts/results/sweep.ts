/** The sweep behind the defaults: every naive network on every small set with every candidate, the rest by default. */
import { completeRequest } from "../../schemas/complete.ts";
import { jobRequest } from "../../schemas/job.ts";
import { networkShape } from "../../schemas/network-shape.ts";
import { candidates, naiveNetworks, type Candidate } from "./naive-networks.ts";
import { smallSets } from "./small-sets.ts";
import { runTraining } from "./training.ts";

export interface SweepRow {
  set: string;
  classes: number;
  network: string;
  optimiser: Candidate;
  /** On the test split after the last epoch; null where the training diverged. */
  accuracy: number | null;
}

export interface SweepOptions {
  kernels: string;
  onRow: (row: SweepRow) => void;
}

/** Some twelve thousand steps in all: minutes. Epochs and batch are those of a request that names neither. */
export function runSweep({ kernels, onRow }: SweepOptions): SweepRow[] {
  const rows: SweepRow[] = [];
  for (const [set, read] of Object.entries(smallSets)) {
    const splits = read();
    const { classes } = splits;
    for (const { title, layers, loss } of naiveNetworks)
      for (const optimiser of candidates) {
        const body = { dataset: "mnist", network: { layers: layers(classes) }, optimiser, ...(loss && { loss }) };
        const request = completeRequest(jobRequest.parse(body), classes);
        const { problems } = networkShape(request.network.layers, splits.train.shape, classes);
        if (problems.length > 0) throw new Error(`${title} on ${set}: ${problems[0].detail}`);
        const { diverged, errorRates } = runTraining({ request, splits, kernels, onEpoch: () => undefined });
        const accuracy = diverged === null ? Number((1 - (errorRates.at(-1) ?? NaN)).toFixed(4)) : null;
        rows.push({ set, classes, network: title, optimiser, accuracy });
        onRow(rows[rows.length - 1]);
      }
  }
  return rows;
}
