/** The formats that are read, in the order in which they are tried. */
import { csv } from "./csv.ts";
import { folders } from "./folders.ts";
import type { Format } from "./format.ts";
import { idx } from "./idx.ts";
import { jsonLines } from "./jsonl.ts";
import { npz } from "./npz.ts";

export const formats: readonly Format[] = [idx, npz, folders, jsonLines, csv];
