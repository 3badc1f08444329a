/** Two arrays in fields of their own, samples as `images` and what they show as `labels`: IDX or .npy, also mixed. */
import { idx } from "./idx.ts";
import { npy } from "./npy.ts";
import { readPair } from "./arrays.ts";
import type { ArrayKind } from "./arrays.ts";
import type { Format, Source, SourceFile } from "./format.ts";

/** What begins as nothing that is known is read as IDX, whose reader says what was expected. */
const kindOf = (file: SourceFile): ArrayKind => (npy.recognises(file.head) ? npy : idx);

const pairOf = ({ files }: Source): [SourceFile, SourceFile] | null =>
  files.length === 2 && /images$/i.test(files[0].field) ? [files[0], files[1]] : null;

export const arrayPair: Format = {
  name: "arrays",
  recognises: (source) => pairOf(source) !== null,
  async read(intake, source) {
    const pair = pairOf(source);
    if (!pair) throw new Error("a pair is two files");
    const [samples, labels] = pair.map((file) => ({ file, kind: kindOf(file) }));
    await readPair(intake, { split: source.split, samples, labels });
  },
};
