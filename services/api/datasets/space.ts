/** Whether an upload fits on the disk, asked before it is taken and again while it comes. */
import { mkdir, statfs } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Config } from "../../shared/config.ts";
import { grouped, nameLimit } from "../../shared/dataset-limits.ts";
import { Problem } from "../http/problem.ts";

/** An upload and the dataset that is made of it stand side by side for a while. */
const copies = 2;

/** The folders that fill: the storage's own where it is one, and ours for what is under way. */
const folders = ({ storageUrl, dataDir }: Config): string[] =>
  storageUrl.startsWith("file:") ? [fileURLToPath(storageUrl), dataDir] : [dataDir];

/** Throws `insufficient-storage` where `bytes` more would leave less than MIN_FREE_BYTES. */
export async function requireSpace(config: Config, bytes: number): Promise<void> {
  for (const folder of folders(config)) {
    await mkdir(folder, { recursive: true });
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const needed = bytes * copies;
    if (free - needed >= config.datasets.MIN_FREE_BYTES) continue;
    throw new Problem({
      code: "insufficient-storage",
      detail: `this upload of ${grouped(bytes)} bytes needs ${grouped(needed)} bytes of disk while it is checked; ${grouped(free)} are free, and ${nameLimit(config.datasets, "MIN_FREE_BYTES")} of them stay free`,
    });
  }
}
