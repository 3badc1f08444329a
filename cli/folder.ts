/** A folder of pictures on this machine: looked through before anything is sent. */
import { createReadStream } from "node:fs";
import { opendir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { FolderFile } from "../client/index.ts";
import { unusable } from "./failures.ts";

const picture = /\.(png|jpe?g|gif|bmp|webp)$/i;
/** Labels may stand in a table beside the pictures instead of in folders. */
const labels = /\.(csv|tsv|txt|jsonl|ndjson)$/i;
const litter = /^(\..*|__MACOSX|Thumbs\.db|desktop\.ini)$/i;

export interface LocalFolder {
  files: FolderFile[];
  pictures: number;
  /** Names of the folders that hold pictures. */
  classes: string[];
  bytes: number;
}

/** Read when it is sent: it may be gone by then, or have another length, and then the archive would be wrong. */
function contentOf(path: string, size: number): FolderFile["content"] {
  return {
    size,
    open: async function* () {
      let read = 0;
      try {
        for await (const chunk of createReadStream(path)) {
          read += (chunk as Buffer).length;
          if (read > size) break;
          yield chunk as Buffer;
        }
      } catch (error) {
        const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
        throw new Error(
          gone ? `${path} vanished while the folder was read; nothing was kept, try again` : (error as Error).message,
          { cause: error },
        );
      }
      if (read !== size) throw new Error(`${path} changed while it was read; nothing was kept, try again`);
    },
  };
}

async function* walk(folder: string, inner: string): AsyncGenerator<{ path: string; at: string }, void, undefined> {
  for await (const entry of await opendir(folder)) {
    if (litter.test(entry.name)) continue;
    const at = join(folder, entry.name);
    const path = `${inner}${entry.name}`;
    const kind = entry.isSymbolicLink() ? await stat(at).catch(() => null) : entry;
    if (kind?.isDirectory() === true && !entry.isSymbolicLink()) yield* walk(at, `${path}/`);
    else if (kind?.isFile() === true) yield { path, at };
  }
}

/** Names that a person, or another system, takes for one. */
function refuseCollisions(folder: string, paths: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const path of paths)
    for (let end = path.indexOf("/"); ; end = path.indexOf("/", end + 1)) {
      const part = end < 0 ? path : path.slice(0, end);
      const plain = part.normalize("NFC").toLowerCase();
      const other = seen.get(plain);
      if (other !== undefined && other !== part)
        throw unusable(
          `${folder}: '${other}' and '${part}' are nearly the same name: rename one, or make them one folder`,
        );
      seen.set(plain, part);
      if (end < 0) break;
    }
}

/** @throws {Failure} where no training could come of it, before a byte is sent. */
export async function readFolder(folder: string): Promise<LocalFolder> {
  const files: FolderFile[] = [];
  for await (const { path, at } of walk(folder, "")) {
    if (!picture.test(path) && !labels.test(path)) continue;
    const { size } = await stat(at).catch(() => {
      throw unusable(`${at} vanished while the folder was read; nothing was sent, try again`);
    });
    files.push({ path, content: contentOf(at, size) });
  }
  const pictures = files.map(({ path }) => path).filter((path) => picture.test(path));
  const expected = "expected one folder of pictures (PNG, JPEG, GIF, BMP, WebP) for each class";
  if (pictures.length === 0) throw unusable(`${folder} holds no pictures: ${expected}`);
  refuseCollisions(folder, pictures);
  const hasTable = files.length > pictures.length;
  const classes = [
    ...new Set(pictures.filter((path) => path.includes("/")).map((path) => path.split("/").at(-2) ?? "")),
  ];
  if (!hasTable && classes.length < 2) {
    const found =
      classes.length === 0 ? "the pictures lie in no folder" : `all pictures lie in one folder, '${classes[0]}'`;
    throw unusable(`${folder}: ${found}, and there is nothing to tell apart: ${expected}, and at least two`);
  }
  const bytes = files.reduce((sum, { content }) => sum + ("size" in content ? content.size : content.length), 0);
  return { files, pictures: pictures.length, classes: classes.sort(), bytes };
}

/** What to call a dataset that comes from there. */
export const nameOf = (path: string): string => basename(path.replace(/\/+$/, "")) || "pictures";
