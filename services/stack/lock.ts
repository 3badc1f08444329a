/**
 * A data folder belongs to one stack: a socket in it that answers says that another works there. A socket and not a
 * number in a file, because it is gone with its process, however that ended.
 */
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CannotStart, exitCodes } from "../shared/start.ts";

/** The longest path of a unix socket that every system takes, and what we put into a folder. */
const longest = 100;
const ours = "/redis/redis.sock";

export interface Way {
  /** A path to the folder that is short enough for sockets in it. */
  path: string;
  remove(): Promise<void>;
}

/**
 * The folder itself, or where its path is too long a link to it, in a folder of our own. What is made by that way lies
 * in the folder all the same: everybody who comes by another way finds it there.
 */
export async function shortWay(folder: string): Promise<Way> {
  if (Buffer.byteLength(folder + ours) <= longest) return { path: folder, remove: async () => undefined };
  const own = await mkdtemp(join(tmpdir(), "maps-"));
  const path = join(own, "d");
  await symlink(folder, path);
  return { path, remove: () => rm(own, { recursive: true, force: true }) };
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

/** Throws CannotStart where another stack works on the folder. Answers how to let it go. */
export async function lockFolder(dataDir: string): Promise<() => Promise<void>> {
  const way = await shortWay(dataDir);
  const path = join(way.path, "stack.sock");
  for (let tries = 0; ; tries++) {
    try {
      const server = await listen(path);
      server.unref();
      return async () => {
        await new Promise<void>((resolve) => server.close(() => resolve()));
        await way.remove();
      };
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (taken && !(await isAlive(path)) && tries < 3) {
        await rm(path, { force: true });
        continue;
      }
      await way.remove();
      if (!taken) throw error;
      throw new CannotStart(
        `another stack works on ${dataDir}: stop it, or choose another folder with DATA_DIR`,
        exitCodes.folderTaken,
      );
    }
  }
}
