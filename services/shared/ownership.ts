/** What a process of ours writes is its owner's alone: data sets, weights, and in Redis's file webhooks' secrets. */
import { chmod, mkdir } from "node:fs/promises";

const ownersAlone = 0o700;

/** Files and sockets of this process, and of those that it starts, can be read by their owner only. */
export const keepToOwner = (): void => void process.umask(0o077);

/** Makes a folder of ours; one that an earlier version left open to others is closed. */
export async function ownFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: ownersAlone });
  // A volume that is mounted here may belong to somebody else, who has seen to it.
  await chmod(path, ownersAlone).catch((error: unknown) => {
    if (!["EPERM", "EROFS"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
  });
}
