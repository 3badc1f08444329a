/** The formats that are read, in the order in which they are tried. */
import { arrayPair } from "./array-pair.ts";
import { csv } from "./csv.ts";
import { folders } from "./folders.ts";
import type { Format } from "./format.ts";
import { jsonLines } from "./jsonl.ts";
import { labelledPictures } from "./labelled-pictures.ts";
import { npz } from "./npz.ts";

export const formats: readonly Format[] = [arrayPair, npz, jsonLines, csv, labelledPictures, folders];
