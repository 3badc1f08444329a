/** What an evaluation needs before it is queued: a dataset whose samples and classes are the model's. */
import type { Split } from "../../../schemas/dataset.ts";
import { splitNames } from "../../../schemas/dataset.ts";
import { describeShape } from "../../../schemas/shape.ts";
import type { ReadyDataset } from "../../shared/find.ts";
import type { DatasetRecord, ModelRecord } from "../../shared/records/index.ts";
import { Problem, invalid } from "../http/problem.ts";

/** Probabilities of an evaluation are held whole, once. */
const mostBytes = 512 * 1024 * 1024;
/** Names of a list in a sentence. */
const mostNames = 20;

const listed = (names: readonly string[]): string =>
  `${names
    .slice(0, mostNames)
    .map((name) => `'${name}'`)
    .join(", ")}${names.length > mostNames ? ` and ${names.length - mostNames} more` : ""}`;

const misfit = (pointer: string, detail: string): Problem =>
  new Problem({ code: "invalid-data", detail, errors: [{ pointer, detail }] });

/** Refuses what cannot be evaluated, with both sides named. */
export function checkFit(model: ModelRecord, dataset: ReadyDataset, split: Split): void {
  const [wanted, found] = [describeShape(model.input), describeShape(dataset.shape)];
  if (wanted !== found)
    throw misfit(
      "/dataset",
      `model ${model.id} takes samples of ${wanted}; those of dataset ${dataset.id} are ${found}`,
    );
  const known = new Set(model.classes);
  const unknown = dataset.classes.filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw misfit(
      "/dataset",
      `model ${model.id} does not know the class${unknown.length === 1 ? "" : "es"} ${listed(unknown)}: the dataset has ${listed(dataset.classes)}, the model ${listed(model.classes)}; classes are matched by their names`,
    );
  const count = dataset.splits[split];
  if (count === 0) {
    const others = splitNames.filter((each) => dataset.splits[each] > 0);
    throw invalid(
      "/split",
      `dataset ${dataset.id} has no samples in '${split}'; it has some in ${others.map((each) => `'${each}'`).join(", ")}`,
    );
  }
  const bytes = count * model.classes.length * 4;
  if (bytes > mostBytes)
    throw misfit(
      "/split",
      `the probabilities of ${model.classes.length} classes for ${count} samples take ${bytes} bytes, more than the ${mostBytes} of an evaluation`,
    );
}

/** What is legal and likely wrong. `trained`: the model's own dataset, while it is there. */
export function evaluationWarnings(trained: DatasetRecord | null, dataset: ReadyDataset): string[] {
  const [own, other] = [trained?.statistics, dataset.statistics];
  if (!own || (own.minimum === other.minimum && own.maximum === other.maximum)) return [];
  const [wide, narrow] = [own.maximum - own.minimum, other.maximum - other.minimum];
  if (narrow > wide / 2 && narrow < wide * 2) return [];
  return [
    `the model learned from values of ${own.minimum} to ${own.maximum}, these are ${other.minimum} to ${other.maximum}: they are taken as they are`,
  ];
}
