/** Whether an upload fits on the disk, asked before it is taken and again while it comes, together with all others. */
import { mkdir, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Config } from "../../shared/config.ts";
import { grouped, nameLimit } from "../../shared/dataset-limits.ts";
import { NoSpace, holdSpace, type Hold } from "../../shared/storage/index.ts";
import { Problem } from "../http/problem.ts";

/** An upload and the dataset that is made of it stand side by side for a while. */
const copies = 2;

/** The folders that fill, one a disk: the storage's own where it is one, and ours for what is under way. */
async function foldersOf({ storageUrl, dataDir }: Config): Promise<string[]> {
  const byDisk = new Map<number, string>();
  for (const folder of storageUrl.startsWith("file:") ? [fileURLToPath(storageUrl), dataDir] : [dataDir]) {
    await mkdir(folder, { recursive: true });
    byDisk.set((await stat(folder)).dev, folder);
  }
  return [...byDisk.values()];
}

/** Room for one upload, held from its first byte until it is in storage or given up. */
export class UploadSpace {
  readonly #config: Config;
  readonly #holds: Hold[] = [];
  #expected = 0;

  constructor(config: Config) {
    this.#config = config;
  }

  /** Throws `insufficient-storage` where so many bytes in all would leave less than MIN_FREE_BYTES. */
  async expect(total: number): Promise<void> {
    const more = total - this.#expected;
    if (more < 0) return;
    const { datasets: limits } = this.#config;
    try {
      for (const folder of await foldersOf(this.#config))
        this.#holds.push(await holdSpace({ folder, bytes: more * copies, leaveBytes: limits.MIN_FREE_BYTES }));
      this.#expected = total;
    } catch (error) {
      if (!(error instanceof NoSpace)) throw error;
      throw new Problem({
        code: "insufficient-storage",
        detail: `this upload of ${grouped(total)} bytes needs ${grouped(total * copies)} bytes of disk while it is checked; ${grouped(error.freeBytes)} are free and not promised to other uploads, and ${nameLimit(limits, "MIN_FREE_BYTES")} of them stay free`,
      });
    }
  }

  /** So many bytes more have reached the disk. */
  arrived(bytes: number): void {
    for (const hold of this.#holds) hold.shrink(bytes / this.#holds.length);
  }

  release(): void {
    for (const hold of this.#holds.splice(0)) hold.release();
  }
}
