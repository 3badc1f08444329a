/** How people name splits: in folders, in file names, in a column of a table. */
import type { Split } from "../../../schemas/dataset.ts";

const words: Record<string, Split> = {
  train: "train",
  training: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  dev: "validation",
  // The public part of a contest's test is what one may look at while training.
  publictest: "validation",
  test: "test",
  testing: "test",
  privatetest: "test",
};
/** What may stand beside such a word without changing it: training_set, test-images. */
const fillers = new Set(["set", "data", "dataset", "images", "imgs", "pictures", "samples", "split", "folder"]);

const tokens = (name: string): string[] =>
  name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((each) => each !== "");
const splitOfWord = (word: string): Split | undefined => (Object.hasOwn(words, word) ? words[word] : undefined);

/** The split that a folder or a cell names, if it names nothing else. */
export function splitOf(name: string): Split | undefined {
  const whole = splitOfWord(name.trim().toLowerCase());
  if (whole) return whole;
  const found = tokens(name).filter((each) => !fillers.has(each));
  return found.length === 1 && found.length < tokens(name).length ? splitOfWord(found[0]) : undefined;
}

/** The split that is part of a file's name, as in mnist_test.csv; undefined where none or two of them are. */
export function splitInName(path: string): Split | undefined {
  const file = path.split("/").at(-1) ?? "";
  const found = new Set(tokens(file).flatMap((each) => splitOfWord(each) ?? []));
  return found.size === 1 ? [...found][0] : undefined;
}
