/** Clears a folder of unfinished writes. */
import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";

/** Deletes files that nobody has written to for `olderThanMs`. Answers how many. */
export async function sweepFolder(folder: string, olderThanMs: number): Promise<number> {
  let count = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const is = await stat(path).catch(() => null);
    if (!is || Date.now() - is.mtimeMs < olderThanMs) continue;
    await unlink(path).catch(() => {});
    count++;
  }
  return count;
}
