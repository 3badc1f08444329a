/** `network: "auto"` for a job: the facts that the rule goes by, and the request that it makes. */
import type { z } from "zod";
import { expectedSpeed, withAutomatic, type AutomaticFacts } from "../../../schemas/automatic/index.ts";
import { jobRequest, type Numerics } from "../../../schemas/job.ts";
import type { Network } from "../../../schemas/network.ts";
import { networkShape } from "../../../schemas/network-shape.ts";
import type { ReadyDataset } from "../find.ts";
import { speedKey, type ModelRecord, type Records } from "../records/index.ts";

export type ReadRequest = z.output<typeof jobRequest>;

/** A request, and what about it was chosen. */
export interface ChosenRequest {
  request: ReadRequest;
  reasons: string[];
  warnings: string[];
}

/** Facts about a dataset that nobody has seen yet: pictures as people often have them. */
export const usualFacts = {
  shape: { channels: 1, height: 28, width: 28 },
  classes: Array.from({ length: 10 }, (_, at) => String(at)),
  trainingCounts: new Array<number>(10).fill(1000),
  splits: { train: 10_000, validation: 0, test: 2000 },
};

/** Of the slowest worker there is: any of them may get the job. */
async function speedsOf({ workers, speeds }: Records, numerics: Numerics): Promise<AutomaticFacts["speedOf"]> {
  const [present, known] = await Promise.all([workers.list(), speeds.readAll()]);
  const each = present.length > 0 ? present : [{ kernels: "", threads: Number.POSITIVE_INFINITY }];
  return (wanted) =>
    Math.min(
      ...each.map(({ kernels, threads: most }) => {
        const threads = Math.min(wanted, most);
        return known.get(speedKey({ kernels, threads, numerics })) ?? expectedSpeed(kernels, threads);
      }),
    );
}

/** The model's layers with as many outputs as the dataset has classes; null where they do not fit its samples. */
function networkOf({ network }: ModelRecord, { shape, classes }: ReadyDataset): Network | null {
  const layers = network.layers.map((layer, at) =>
    at === network.layers.length - 1 && layer.kind === "dense" ? { ...layer, units: classes.length } : layer,
  );
  return networkShape(layers, shape, classes.length).problems.length === 0 ? { layers } : null;
}

/**
 * `asked`: the body as it came, so that it is known what was given. `dataset`: null while it is being made; the choice
 * is then one for usual pictures, and made anew when the dataset is there.
 */
export async function chooseFor(
  records: Records,
  { asked, dataset, initialModel }: { asked: unknown; dataset: ReadyDataset | null; initialModel: ModelRecord | null },
): Promise<ChosenRequest> {
  const { numerics } = jobRequest.parse(asked);
  const speedOf = await speedsOf(records, numerics);
  const facts: AutomaticFacts = dataset
    ? {
        shape: dataset.shape,
        classes: dataset.classes,
        trainingCounts: dataset.statistics.classCounts.train,
        splits: dataset.splits,
        initialNetwork: initialModel && networkOf(initialModel, dataset),
        speedOf,
      }
    : { ...usualFacts, initialNetwork: initialModel?.network ?? null, speedOf };
  const { body, reasons, warnings } = withAutomatic(asked, facts);
  return { request: jobRequest.parse(body), reasons, warnings };
}

/** What a job or a sweep that waits for its dataset says of its choices. */
export const chosenLater = (what: string): string =>
  `The dataset is still being made: ${what} chosen when it is ready. Until then the request shows what 10,000 grey pictures of 28×28 in ten classes would get.`;
