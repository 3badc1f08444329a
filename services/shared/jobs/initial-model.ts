/** The model whose weights a training starts from: found, read, and compared with the job's network. */
import { referenceOf, type CompleteJobRequest } from "../../../schemas/job.ts";
import { networkShape } from "../../../schemas/network-shape.ts";
import type { Shape } from "../../../schemas/shape.ts";
import { compareWeights, weightedLayers, type ComparedLayer, type WeightedLayer } from "../../../schemas/weights.ts";
import { findModel } from "../find.ts";
import type { ModelRecord, Records } from "../records/index.ts";
import { Refusal } from "../refusal.ts";
import { isStorageFault, type Storage } from "../storage/index.ts";

const pointer = "/initialModel";
/** Layers that a sentence names, and sentences about single layers. */
const mostNamed = 20;

const refusal = (code: Refusal["code"], detail: string): Refusal =>
  new Refusal({ code, detail: `${pointer}: ${detail}`, errors: [{ pointer, detail }] });

/** The model that a request names, its weights compared with their digest; null where it names none. */
export async function findInitialModel(
  { records, storage }: { records: Records; storage: Storage },
  { initialModel }: Pick<CompleteJobRequest, "initialModel">,
): Promise<ModelRecord | null> {
  if (initialModel === null) return null;
  const reference = referenceOf(initialModel);
  try {
    const model = await findModel(records, reference);
    await storage.range(model.files.weights, 0, 1);
    return model;
  } catch (error) {
    if (error instanceof Refusal) throw refusal(error.code, error.message);
    if (isStorageFault(error, "missing", "damaged"))
      throw refusal("conflict", `the weights of model ${reference} cannot be read: ${error.message}`);
    throw error;
  }
}

export interface Start {
  /** Layers that start with the model's weights, by what their tensors' names begin with. */
  taken: readonly string[];
  reasons: string[];
  warnings: string[];
}

const walked = ({ network, input }: { network: CompleteJobRequest["network"]; input: Shape }): WeightedLayer[] =>
  weightedLayers(network.layers, networkShape(network.layers, input, null).layers);

const anew = ({ layer, differs }: ComparedLayer): string => `${layer.name} starts anew from the seed: ${differs}`;

function named(names: readonly string[]): string {
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : "";
  return names.slice(0, mostNamed).join(", ") + more;
}

/** "matching": what fits is taken over, and at least one layer must. */
function matching(reference: string, compared: readonly ComparedLayer[]): Start {
  const taken = compared.filter(({ differs }) => differs === null).map(({ layer }) => layer);
  const others = compared.filter(({ differs }) => differs !== null);
  if (taken.length === 0)
    throw refusal(
      "network-does-not-fit",
      others.length === 0
        ? "this network has no weights that could start from a model's"
        : `no layer of this network can start from model ${reference}: ${anew(others[0])}`,
    );
  const more = others.length > mostNamed ? [`${others.length - mostNamed} more layers start anew from the seed`] : [];
  return {
    taken: taken.map(({ path }) => path),
    reasons: [
      `${named(taken.map(({ name }) => name))} ${taken.length === 1 ? "starts" : "start"} with the weights of model ${reference}`,
      ...others.slice(0, mostNamed).map(anew),
      ...more,
    ],
    warnings: [],
  };
}

const otherClasses = (reference: string): string =>
  `the classes are others than those of model ${reference}, and the last layer starts with its weights for them; ` +
  `{"model": "${reference}", "layers": "matching"} starts that layer anew`;

/** Every layer must be as the model's, on the same shapes, whatever its classes are called. */
function whole(
  reference: string,
  compared: readonly ComparedLayer[],
  { misfit, sameClasses }: { misfit: number | null; sameClasses: boolean },
): Start {
  const other = compared.find(({ differs }) => differs !== null);
  if (misfit === null && !other)
    return {
      taken: compared.map(({ layer }) => layer.path),
      reasons: [],
      warnings: sameClasses ? [] : [otherClasses(reference)],
    };
  const what = other ? `${other.layer.name}: ${other.differs}` : `its network differs from this one at layer ${misfit}`;
  throw refusal(
    "network-does-not-fit",
    `model ${reference} has other weights: ${what}; {"model": "${reference}", "layers": "matching"} takes over the layers that match`,
  );
}

/** The first layer whose shapes are not the model's; null where all are. */
function misfitOf({ network, input }: { network: CompleteJobRequest["network"]; input: Shape }, model: ModelRecord) {
  const [own, theirs] = [
    networkShape(network.layers, input, null).layers,
    networkShape(model.network.layers, model.input, null).layers,
  ];
  const differs = own.findIndex((layer, index) => JSON.stringify(layer) !== JSON.stringify(theirs[index]));
  if (differs >= 0) return differs;
  return theirs.length > own.length ? own.length : null;
}

/** What of a network starts with a model's weights. Throws Refusal where the request's wish cannot be met. */
export function startFrom(
  model: ModelRecord,
  {
    request,
    input,
    classes,
  }: { request: Pick<CompleteJobRequest, "network" | "initialModel">; input: Shape; classes: readonly string[] },
): Start {
  const { network, initialModel } = request;
  const reference = initialModel === null ? model.id : referenceOf(initialModel);
  const [own, others] = [walked({ network, input }), walked(model)];
  const sameClasses = JSON.stringify(classes) === JSON.stringify(model.classes);
  return typeof initialModel === "object" && initialModel !== null
    ? matching(reference, compareWeights(own, others, { sameClasses }))
    : whole(reference, compareWeights(own, others, { sameClasses: true }), {
        misfit: misfitOf({ network, input }, model),
        sameClasses,
      });
}
