/** Folders in which checks work: made for one check, removed at its end, swept where a process died in between. */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { newUlid } from "../../shared/ids.ts";

const folder = (dataDir: string): string => join(dataDir, "checks");
const ownMark = `${hostname().replace(/[^A-Za-z0-9.-]/g, "-")}_${process.pid}_`;

export async function makeWorkplace(dataDir: string): Promise<{ directory: string; remove: () => Promise<void> }> {
  const directory = join(folder(dataDir), ownMark + newUlid());
  await mkdir(directory, { recursive: true });
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Removes the folders of dead processes of this machine, and of any machine after `olderThanMs`. Answers how many. */
export async function sweepWorkplaces(dataDir: string, olderThanMs: number): Promise<number> {
  const names = await readdir(folder(dataDir)).catch(() => []);
  let removed = 0;
  for (const name of names) {
    const [host, pid] = name.split("_");
    const path = join(folder(dataDir), name);
    const found = await stat(path).catch(() => null);
    if (!found) continue;
    const orphan = host === ownMark.split("_")[0] && Number(pid) !== process.pid && !isAlive(Number(pid));
    if (!orphan && Date.now() - found.mtimeMs < olderThanMs) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}
