/** What the page looks at: a model, its weights, and what one sample makes inside it. */
import type { Sensitivities } from "../../../../client/types.ts";
import type { Model } from "../../../../schemas/model.ts";
import type { Split } from "../../../../schemas/dataset.ts";
import { readSafetensors } from "../../../../engine/index.ts";
import { nodesOf, type Inside, type Tensor } from "../../mathematics/inside.ts";
import { service } from "../../service.ts";

/** A sample of the model's dataset, or a picture that was chosen here. */
export type Source = { split: Split; index: number } | { picture: File };

/** Every tensor of the model: some hundred kilobytes for LeNet-5, asked for once. */
export async function tensorsOf(id: string, signal: AbortSignal): Promise<ReadonlyMap<string, Tensor>> {
  const answer = await service.models.export(id, "safetensors", { signal });
  const { tensors } = readSafetensors(new Uint8Array(await answer.arrayBuffer()));
  return new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data: data as ArrayLike<number> }]));
}

export interface Explained extends Sensitivities {
  /** True class of a dataset's sample. */
  label: number | null;
}

/** x and δ of everything; `of` is the class that δ starts from: the true one where it is known. */
export async function explain(
  model: Model,
  options: { source: Source; of: number | null; signal: AbortSignal },
): Promise<Explained> {
  const { source, of, signal } = options;
  if ("picture" in source) {
    const query = of === null ? {} : { class: of };
    return { ...(await service.models.sensitivities(model.id, source.picture, query, { signal })), label: null };
  }
  if (!model.dataset) throw new Error("This model was imported without its data: choose a picture of yours.");
  const { split, index } = source;
  const after = index > 0 ? { after: index - 1 } : {};
  const page = await service.datasets.samples(model.dataset.id, { split, limit: 1, ...after }, { signal });
  const sample = page.data[0];
  if (sample === undefined) throw new Error(`There is no sample ${index} in the ${split} split.`);
  const answer = await service.models.sensitivities(
    model.id,
    { instances: [sample.pixels] },
    { class: of ?? sample.label },
    { signal },
  );
  return { ...answer, label: sample.label };
}

/** The three side by side; null where the model was changed between two answers. */
export function insideOf(
  model: Model,
  tensors: ReadonlyMap<string, Tensor>,
  { layers: rows }: Sensitivities,
): Inside | null {
  const nodes = nodesOf(model.network.layers, tensors);
  // What is inside a block computes before the sum that ends it.
  const flat = rows.flatMap((row) => [...(row.layers ?? []), row]);
  return flat.length === nodes.length + 1 ? { nodes, rows: flat, tensors } : null;
}
