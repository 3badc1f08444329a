/**
 * A checkpoint: everything that is needed to go on to the same bits, as a safetensors file that other tools can read
 * too.
 *
 *   tensors    layers.{i}.weight|bias|beta|mix|mean|variance            in the orientation and order that current
 *              layers.{i}.layers.{j}.…, layers.{i}.shortcut.…            frameworks use; a residual block's own layers
 *                                                                        and its projection
 *              optimiser.{velocity|first|second|curvature}.layers.{i}.…  the optimiser's state, shaped as its tensor
 *   metadata   format, engine, and as JSON: network, input, classes, normalisation, position (epoch, step, place in the
 *              epoch, running sums, best so far), and where
 *              the schedule was fitted to the time left, how (rescheduled)
 *
 * There is no random state to keep: every draw is a hash of its place (random.ts), and the loader's position is the
 * place in the epoch. Filters convert between memory order [input][ky][kx][map] and file order [map][input][ky][kx]
 * here, at the door. Never does I/O.
 */
import type { Normalisation } from "../schemas/model.ts";
import type { Rescheduling } from "../schemas/optimiser.ts";
import { network as networkSchema } from "../schemas/network.ts";
import type { Network } from "../schemas/network.ts";
import type { Shape } from "../schemas/shape.ts";
import { EngineError } from "./errors.ts";
import { readSafetensors, writeSafetensors } from "./formats/safetensors.ts";
import type { Tensor as FileTensor, TensorFile } from "./formats/safetensors.ts";
import type { Tensor } from "./layer.ts";
import type { Views } from "./memory.ts";
import type { Moved } from "./optimiser.ts";
import type { Position } from "./position.ts";
import { engineVersion } from "./version.ts";

const format = "feature-maps checkpoint 1";

/** What a checkpoint says about itself. */
export interface CheckpointContext {
  network: Network;
  input: Shape;
  classes: number;
  normalisation: Normalisation;
}

type Named = { name: string; shape: number[]; size: number; address: number; place: (position: number) => number };

const stateOf = (moved: readonly Moved[]): Named[] =>
  moved.flatMap(({ tensor, state }) =>
    state.map(({ name, address }) => ({
      name: `optimiser.${name}.${tensor.name}`,
      shape: tensor.shape,
      size: tensor.size,
      address,
      place: tensor.place,
    })),
  );

function takeOut(views: Views, { shape, size, address, place }: Named): FileTensor {
  const values = views.reals(address, size);
  const data = views.realBytes === 8 ? new Float64Array(size) : new Float32Array(size);
  for (let position = 0; position < size; position++) data[position] = values[place(position)];
  return { dtype: views.realBytes === 8 ? "F64" : "F32", shape, data };
}

function putIn(views: Views, { name, shape, size, address, place }: Named, file: TensorFile): void {
  const found = file.tensors.get(name);
  const refuse = (detail: string): never => {
    throw new EngineError({ code: "checkpoint-does-not-fit", detail });
  };
  if (!found) return refuse(`the file has no tensor '${name}', which this network needs`);
  if (found.shape.join("×") !== shape.join("×"))
    return refuse(
      `tensor '${name}' is ${found.shape.join("×") || "a single number"}; this network needs ${shape.join("×")}`,
    );
  if (found.dtype !== "F32" && found.dtype !== "F64")
    return refuse(`tensor '${name}' holds ${found.dtype}; weights are F32 or F64`);
  const values = views.reals(address, size);
  for (let position = 0; position < size; position++) {
    const value = Number(found.data[position]);
    if (!Number.isFinite(value))
      return refuse(`tensor '${name}' holds ${value} at position ${position}; weights must be finite`);
    values[place(position)] = value;
  }
}

/** The tensors by name, in file order: what `golden` and the checks compare. */
export const takeTensors = (views: Views, tensors: readonly Tensor[]): Map<string, FileTensor> =>
  new Map(tensors.map((tensor) => [tensor.name, takeOut(views, tensor)]));

/** The gradients by their tensors' names. */
export const takeGradients = (views: Views, moved: readonly Moved[]): Map<string, FileTensor> =>
  new Map(moved.map(({ tensor }) => [tensor.name, takeOut(views, { ...tensor, address: tensor.gradient })]));

export function writeCheckpoint(options: {
  views: Views;
  tensors: readonly Tensor[];
  moved: readonly Moved[];
  position: Position;
  context: CheckpointContext;
}): Uint8Array {
  const { views, moved, position, context } = options;
  const tensors = takeTensors(views, options.tensors);
  for (const state of stateOf(moved)) tensors.set(state.name, takeOut(views, state));
  const { network, input, classes, normalisation } = context;
  const { rescheduled, ...place } = position;
  const metadata = {
    format,
    engine: engineVersion,
    network: JSON.stringify(network),
    input: JSON.stringify(input),
    classes: JSON.stringify(classes),
    normalisation: JSON.stringify(normalisation),
    position: JSON.stringify(place),
    ...(rescheduled.length > 0 ? { rescheduled: JSON.stringify(rescheduled) } : {}),
  };
  return writeSafetensors({ tensors, metadata });
}

/** What the names of a layer's tensors begin with: `layers.2` of `layers.2.weight`. */
const layerOf = ({ name }: Tensor): string => name.slice(0, name.lastIndexOf("."));

/**
 * Puts the weights of a file in place, of all layers or of those that are named; names and shapes must be this
 * network's. Throws EngineError.
 */
export function loadWeights(options: {
  views: Views;
  tensors: readonly Tensor[];
  bytes: Uint8Array;
  layers?: readonly string[] | undefined;
}): void {
  const { views, tensors, bytes } = options;
  const layers = options.layers && new Set(options.layers);
  const file = readSafetensors(bytes);
  for (const tensor of tensors) if (layers?.has(layerOf(tensor)) ?? true) putIn(views, tensor, file);
}

/** A value of the metadata; a network with the settings that layers have gained since it was written, at their defaults. */
function written(key: string, text: string | undefined): string | undefined {
  if (key !== "network" || text === undefined) return text;
  const { success, data } = networkSchema.safeParse(JSON.parse(text));
  return success ? JSON.stringify(data) : text;
}

/**
 * Weights, optimiser state and position, to go on. Throws EngineError where the checkpoint belongs to another training.
 */
export function resumeFrom(options: {
  views: Views;
  tensors: readonly Tensor[];
  moved: readonly Moved[];
  bytes: Uint8Array;
  context: CheckpointContext;
}): Position {
  const file = readSafetensors(options.bytes);
  const { metadata } = file;
  if (metadata.format !== format)
    throw new EngineError({
      code: "checkpoint-does-not-fit",
      detail: `the file is no checkpoint of ours: its format is '${metadata.format ?? "not named"}', expected '${format}'`,
    });
  for (const key of ["network", "input", "classes", "normalisation"] as const) {
    if (written(key, metadata[key]) !== JSON.stringify(options.context[key]))
      throw new EngineError({ code: "checkpoint-does-not-fit", detail: `the checkpoint was made with another ${key}` });
  }
  for (const named of [...options.tensors, ...stateOf(options.moved)]) putIn(options.views, named, file);
  const place = JSON.parse(metadata.position ?? "") as Omit<Position, "rescheduled">;
  return { ...place, rescheduled: JSON.parse(metadata.rescheduled ?? "[]") as Rescheduling[] };
}
