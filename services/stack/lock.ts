/**
 * One stack on one data folder: whoever listens on the folder's socket owns it. A killed owner's socket answers nobody
 * and is taken over.
 */
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The longest path of a unix socket that every system takes. */
const longest = 100;

/** A socket's path for a data folder: inside it, or where that is too long, in the folder for temporary files. */
export function socketPath(dataDir: string, name: string): string {
  const inside = join(dataDir, name);
  if (Buffer.byteLength(inside) <= longest) return inside;
  return join(
    tmpdir(),
    `maps-${createHash("sha256").update(dataDir).digest("hex").slice(0, 16)}-${name.replaceAll("/", "-")}`,
  );
}

export class FolderTaken extends Error {
  override name = "FolderTaken";
}

const isAlive = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

const listen = (path: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen(path, () => resolve(server));
  });

/** Throws FolderTaken where another stack works on the folder. Answers how to let it go. */
export async function lockFolder(dataDir: string): Promise<() => Promise<void>> {
  const path = socketPath(dataDir, "stack.sock");
  for (let tries = 0; ; tries++) {
    try {
      const server = await listen(path);
      server.unref();
      return () => new Promise((resolve) => server.close(() => resolve()));
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (!taken) throw error;
      if ((await isAlive(path)) || tries === 3)
        throw new FolderTaken(`another stack works on ${dataDir}: stop it, or choose another folder with DATA_DIR`);
      await rm(path, { force: true });
    }
  }
}
