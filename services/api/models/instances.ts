/**
 * New inputs in every form a client may send them, made into samples [count][channels][height][width] in the dataset's
 * own range.
 */
import type { Conversion, Dtype, ValueRange } from "../../../schemas/dataset.ts";
import type { z } from "zod";
import { mostRawSamples, type predictionRequest } from "../../../schemas/prediction.ts";
import { describeShape, sizeOf, type Shape } from "../../../schemas/shape.ts";
import { fromBase64 } from "../../shared/base64.ts";
import { PictureError, type Pieces, type Prediction, type Samples } from "../../prediction/index.ts";
import { NumberList } from "../http/number-list.ts";
import { Problem, invalid } from "../http/problem.ts";

/** What samples of a model look like. `range` is where the numbers of a picture's 0 … 255 go: the dataset's own. */
export interface SampleForm {
  input: Shape;
  conversion: Conversion;
  range: ValueRange;
}

export interface Instances {
  samples: Samples | Pieces;
  count: number;
  /** What was done, in words. */
  conversion: string[];
}

type Picture = { b64: string };
/** A plain list has something in it that is no number, or lists of several lengths. */
type Instance = z.output<typeof predictionRequest>["instances"][number] | NumberList;

const isPicture = (instance: Instance): instance is Picture =>
  !Array.isArray(instance) && !(instance instanceof NumberList);
/** Of all inputs of a request. */
export const mostNumbers = 16 * 1024 * 1024;

/** Refuses what would take more memory than a request should; one sample is always taken. */
export function checkCount(count: number, input: Shape): void {
  const size = sizeOf(input);
  if (count > 1 && count * size > mostNumbers)
    throw new Problem({
      code: "payload-too-large",
      detail: `${count} instances of ${size} numbers are too many at once; send at most ${Math.max(1, Math.floor(mostNumbers / size))}`,
    });
}

/** Infinity too: JSON has a spelling for it, 1e999. */
export const described = (value: unknown): string =>
  typeof value === "number" ? String(value) : JSON.stringify(value).slice(0, 40);

/** Refuses the first entry of nested or flat lists that is no number. */
function refuseOthers(list: readonly unknown[], pointer: string): void {
  for (const [index, value] of list.entries()) {
    if (Array.isArray(value)) refuseOthers(value, `${pointer}/${index}`);
    else if (typeof value !== "number" || !Number.isFinite(value))
      throw invalid(`${pointer}/${index}`, `expected a number, found ${described(value)}`);
  }
}

/**
 * The lengths of nested lists, or null where they differ among themselves. Enters every list once: they may be deep.
 */
function nesting(list: readonly unknown[]): readonly number[] | null {
  if (!list.some((each) => Array.isArray(each))) return [list.length];
  const inner = list.map((each) => (Array.isArray(each) ? nesting(each) : null));
  const [first] = inner;
  if (!first) return null;
  const wanted = first.join();
  return inner.every((each) => each?.join() === wanted) ? [list.length, ...first] : null;
}

/** The numbers of an instance, flat or nested as its input is; a problem where they are not. */
function numbersOf(
  instance: NumberList | readonly unknown[],
  input: Shape,
  pointer: string,
): Float32Array<ArrayBuffer> {
  const { channels, height, width } = input;
  const size = sizeOf(input);
  const isFlat = instance instanceof NumberList && instance.lengths.length === 1 && instance.lengths[0] === size;
  if (isFlat) return instance.values;
  const expected = `${size} numbers, flat or nested as ${describeShape(input)} (channels, rows, columns)`;
  const lengths = instance instanceof NumberList ? instance.lengths : nesting(instance);
  if (lengths === null) throw invalid(pointer, `its lists differ in length or depth; expected ${expected}`);
  const forms = [
    [size],
    [channels, height, width],
    [channels, height * width],
    ...(channels === 1 ? [[height, width]] : []),
  ];
  if (!forms.some((form) => form.length === lengths.length && form.every((length, axis) => length === lengths[axis]))) {
    throw invalid(pointer, `expected ${expected}, found ${lengths.join("×")}`);
  }
  if (instance instanceof NumberList) return instance.values;
  refuseOthers(instance, pointer);
  throw invalid(pointer, `expected ${expected}`);
}

const isOfBytes = ({ minimum, maximum }: ValueRange): boolean => minimum === 0 && maximum === 255;
const scaled = (pixels: Uint8Array, { minimum, maximum }: ValueRange): Float32Array =>
  Float32Array.from(pixels, (pixel) => minimum + (pixel / 255) * (maximum - minimum));
const rangeWords = ({ minimum, maximum }: ValueRange): string =>
  `values 0 to 255 mapped to the dataset's ${minimum} to ${maximum}`;

async function convert(
  prediction: Prediction,
  bytes: Uint8Array,
  form: SampleForm,
  pointer: string,
): Promise<{ pixels: Uint8Array; steps: string[]; decodedPixels: number }> {
  if (form.conversion.channels !== form.input.channels)
    throw invalid(pointer, `this model takes ${form.input.channels} channels; pictures have 1 or 3: send numbers`);
  try {
    return await prediction.convert(bytes, form.conversion);
  } catch (error) {
    if (error instanceof PictureError)
      throw new Problem({
        code: "invalid-data",
        detail: `${pointer === "" ? "the picture" : pointer}: ${error.message}`,
        errors: [{ pointer, detail: error.message }],
      });
    throw error;
  }
}

/** A few pictures at a time: each may be large once decoded. */
const picturesAtOnce = 4;
/** Pixels of all pictures of a request, as they come: four of the largest. */
const mostPixelsTogether = 160_000_000;

/**
 * Pictures of any kind that is read, brought to the dataset's range. `pointers` name them in a problem, and in
 * `conversion` where there are several: of one, its steps are told one by one.
 */
export async function fromPictures(
  prediction: Prediction,
  pictures: readonly { bytes: Uint8Array; pointer: string }[],
  form: SampleForm,
): Promise<Instances & { samples: Samples }> {
  checkCount(pictures.length, form.input);
  const size = sizeOf(form.input);
  const asBytes = isOfBytes(form.range);
  const samples = asBytes ? new Uint8Array(pictures.length * size) : new Float32Array(pictures.length * size);
  const told: string[][] = [];
  let pixelsTogether = 0;
  for (let from = 0; from < pictures.length; from += picturesAtOnce) {
    const some = pictures.slice(from, from + picturesAtOnce);
    const converted = await Promise.all(some.map(({ bytes, pointer }) => convert(prediction, bytes, form, pointer)));
    pixelsTogether += converted.reduce((sum, { decodedPixels }) => sum + decodedPixels, 0);
    if (pixelsTogether > mostPixelsTogether)
      throw new Problem({
        code: "payload-too-large",
        detail: `the first ${from + some.length} of these ${pictures.length} pictures have ${pixelsTogether} pixels; at most ${mostPixelsTogether} are decoded for one request: send smaller pictures, or fewer at once`,
      });
    for (const [index, { pixels, steps }] of converted.entries()) {
      samples.set(asBytes ? pixels : scaled(pixels, form.range), (from + index) * size);
      told.push(asBytes ? steps : [...steps, rangeWords(form.range)]);
    }
  }
  const conversion =
    told.length === 1 ? told[0] : told.map((steps, index) => `${pictures[index].pointer}: ${steps.join("; ")}`);
  return { samples, count: pictures.length, conversion };
}

const asNumbers = (input: Shape): string =>
  `numbers taken as they are, ${describeShape(input)} (channels, rows, columns), in the dataset's own range`;

/** `{instances}` of a JSON body: numbers in their places, pictures still to be converted. Plain data, for a thread. */
export interface SplitInstances {
  count: number;
  /** [count][size]; zeros where a picture comes. Null where all are pictures. */
  samples: Float32Array<ArrayBuffer> | null;
  pictures: { index: number; bytes: Uint8Array<ArrayBuffer> }[];
}

/** Lists that lie one behind the other in one memory, as they are read; null where they do not. */
function inOnePiece(
  lists: readonly (Float32Array<ArrayBuffer> | null)[],
  size: number,
): Float32Array<ArrayBuffer> | null {
  const [first] = lists;
  if (!first) return null;
  const { buffer, byteOffset, byteLength } = first;
  for (let at = 1; at < lists.length; at++) {
    const each = lists[at];
    if (each?.buffer !== buffer || each.byteOffset !== byteOffset + at * byteLength) return null;
  }
  return lists.length === 1 ? first : new Float32Array(buffer, byteOffset, lists.length * size);
}

/** Reads what is numbers, decodes what is pictures. Numbers and pictures may be mixed. */
export function splitInstances(instances: readonly Instance[], input: Shape): SplitInstances {
  checkCount(instances.length, input);
  const size = sizeOf(input);
  const pictures = instances.flatMap((instance, index) =>
    isPicture(instance) ? [{ index, bytes: decode(instance.b64, `/instances/${index}/b64`) }] : [],
  );
  if (pictures.length === instances.length) return { count: instances.length, samples: null, pictures };
  const numbers = instances.map((instance, index) =>
    isPicture(instance) ? null : numbersOf(instance, input, `/instances/${index}`),
  );
  const together = inOnePiece(numbers, size);
  if (together) return { count: instances.length, samples: together, pictures };
  const samples = new Float32Array(instances.length * size);
  for (const [index, values] of numbers.entries()) if (values) samples.set(values, index * size);
  return { count: instances.length, samples, pictures };
}

/** The same for lists of numbers alone, as most bodies are. */
export function splitNumbers(lists: readonly NumberList[], input: Shape): SplitInstances {
  if (lists.length > 1) return splitInstances(lists, input);
  return { count: 1, samples: numbersOf(lists[0], input, "/instances/0"), pictures: [] };
}

/** Converts the pictures among the instances, and puts them into their places; at once where there are none. */
export function joinInstances(
  prediction: Prediction,
  split: SplitInstances,
  form: SampleForm,
): (Instances & { samples: Samples }) | Promise<Instances & { samples: Samples }> {
  const { count, samples, pictures } = split;
  if (samples && pictures.length === 0) return { samples, count, conversion: [asNumbers(form.input)] };
  return joinPictures(prediction, split, form);
}

async function joinPictures(
  prediction: Prediction,
  { count, samples, pictures }: SplitInstances,
  form: SampleForm,
): Promise<Instances & { samples: Samples }> {
  const size = sizeOf(form.input);
  const pictured = await fromPictures(
    prediction,
    pictures.map(({ index, bytes }) => ({ bytes, pointer: `/instances/${index}/b64` })),
    form,
  );
  if (samples === null) return pictured;
  for (const [at, { index }] of pictures.entries())
    samples.set(pictured.samples.subarray(at * size, (at + 1) * size), index * size);
  return { samples, count, conversion: [asNumbers(form.input), ...pictured.conversion] };
}

function decode(text: string, pointer: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(text);
  if (!bytes) throw invalid(pointer, "expected base64 of a picture");
  return new Uint8Array(bytes);
}

/** The place among float32 of the first that is an infinity or no number: all bits of its exponent are set. */
function firstNotFinite(pieces: readonly Uint8Array[]): number {
  let from = 0;
  let last = 0;
  for (const piece of pieces) {
    for (let at = 3 - (from % 4); at < piece.length; at += 4)
      if ((piece[at] & 0x7f) === 0x7f && (at === 0 ? last : piece[at - 1]) >= 0x80) return (from + at - 3) / 4;
    from += piece.length;
    if (piece.length > 0) last = piece[piece.length - 1];
  }
  return -1;
}

/** Raw samples, one after another, in pieces as they came; float32 is little-endian. They stay where they are. */
export function fromPieces(pieces: readonly Uint8Array[], dtype: Dtype, input: Shape): Instances {
  const bytesEach = sizeOf(input) * (dtype === "uint8" ? 1 : 4);
  const byteLength = pieces.reduce((sum, { length }) => sum + length, 0);
  const count = byteLength / bytesEach;
  if (count === 0 || !Number.isInteger(count)) {
    throw new Problem({
      code: "invalid-data",
      detail: `the body has ${byteLength} bytes; a sample of ${describeShape(input)} ${dtype} has ${bytesEach}: expected a multiple of it`,
    });
  }
  if (count > mostRawSamples)
    throw new Problem({
      code: "payload-too-large",
      detail: `${count} samples are too many at once; send at most ${mostRawSamples}`,
    });
  const words = `${count} raw ${dtype} ${count === 1 ? "sample" : "samples"} of ${describeShape(input)} (channels, rows, columns), in the dataset's own range`;
  const samples: Pieces = { dtype, pieces, byteLength };
  const wrong = dtype === "uint8" ? -1 : firstNotFinite(pieces);
  if (wrong >= 0) throw new Problem({ code: "invalid-data", detail: `number ${wrong} of the body is not finite` });
  return { samples, count, conversion: [words] };
}
