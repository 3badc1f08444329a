/** Makes the files people upload, whole or broken, in memory: IDX, NPY, NPZ, ZIP, TAR and pictures. */
import { crc32, deflateRawSync } from "node:zlib";
import sharp from "sharp";
import { pack } from "tar-stream";

export interface Table {
  height: number;
  width: number;
  labels: number[];
  /** uint8 [n][height][width]. */
  pixels: Buffer;
}

/** `perClass` samples of each class, 7×5, no two alike. */
export function makeTable({ classes = 3, perClass = 4, height = 7, width = 5, seed = 1 } = {}): Table {
  const labels = Array.from({ length: classes * perClass }, (_, index) => index % classes);
  const pixels = Buffer.from(
    labels.flatMap((label, index) =>
      Array.from({ length: height * width }, (_, at) => (seed * 31 + label * 80 + index * 7 + at * (label + 1)) % 256),
    ),
  );
  return { height, width, labels, pixels };
}

export function idx(type: number, sizes: readonly number[], data: Uint8Array): Buffer {
  const head = Buffer.alloc(4 + 4 * sizes.length);
  head[2] = type;
  head[3] = sizes.length;
  for (const [at, size] of sizes.entries()) head.writeUInt32BE(size, 4 + 4 * at);
  return Buffer.concat([head, data]);
}

export const idxImages = ({ height, width, labels, pixels }: Table): Buffer =>
  idx(8, [labels.length, height, width], pixels);
export const idxLabels = ({ labels }: Table): Buffer => idx(8, [labels.length], Uint8Array.from(labels));

export function npy(descr: string, shape: readonly number[], data: Uint8Array, { fortran = false } = {}): Buffer {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${shape.join(", ")}${shape.length === 1 ? "," : ""}), }`;
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.alloc(10);
  head.write("\u0093NUMPY", 0, "latin1");
  head[6] = 1;
  head.writeUInt16LE(padded.length, 8);
  return Buffer.concat([head, Buffer.from(padded, "latin1"), data]);
}

export const floats = (values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
export const int64s = (values: readonly number[]): Buffer => Buffer.from(BigInt64Array.from(values, BigInt).buffer);

export interface ZipPart {
  name: string | Buffer;
  data: Uint8Array;
  stored?: boolean;
  flags?: number;
  method?: number;
  /** Unix mode, as 0o120777 for a link. */
  mode?: number;
  /** What the directory says instead of the truth. */
  declaredBytes?: number;
  checksum?: number;
}

export function zip(parts: readonly ZipPart[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const part of parts) {
    const name = Buffer.isBuffer(part.name) ? part.name : Buffer.from(part.name);
    const data = part.stored ? Buffer.from(part.data) : deflateRawSync(part.data);
    const method = part.method ?? (part.stored ? 0 : 8);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(part.flags ?? 0, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(part.checksum ?? crc32(part.data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(part.declaredBytes ?? part.data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\u0003\u0004", "latin1"), common, name, data]);
    const entry = Buffer.alloc(20);
    entry.writeUInt16LE(0, 0);
    entry.writeUInt32LE(((part.mode ?? 0o100644) << 16) >>> 0, 6);
    entry.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([
        Buffer.from("PK\u0001\u0002", "latin1"),
        Buffer.from([20, 3]),
        common,
        entry.subarray(0, 14),
        name,
      ]),
    );
    bodies.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006", 0, "latin1");
  end.writeUInt16LE(parts.length & 0xffff, 8);
  end.writeUInt16LE(parts.length & 0xffff, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, listed, end]);
}

export async function tar(
  parts: readonly { name: string; data?: Uint8Array; type?: "file" | "symlink" | "directory"; linkname?: string }[],
): Promise<Buffer> {
  const archive = pack();
  for (const { name, data = Buffer.alloc(0), type = "file", linkname = "" } of parts) {
    if (type === "file") archive.entry({ name }, Buffer.from(data));
    else archive.entry({ name, type, linkname });
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A grey or RGB PNG whose pixels count upwards from `start`. */
export function png({
  height = 7,
  width = 5,
  channels = 1,
  start = 0,
}: { height?: number; width?: number; channels?: 1 | 3; start?: number } = {}): Promise<Buffer> {
  const pixels = Uint8Array.from({ length: height * width * channels }, (_, at) => (start + at) % 256);
  return sharp(pixels, { raw: { height, width, channels } })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .png()
    .toBuffer();
}

/** One PNG for every sample, in class folders. */
export async function folders(
  table: Table,
  { names = ["ant", "bee", "cat"], prefix = "" } = {},
): Promise<{ name: string; data: Buffer }[]> {
  const { height, width, labels, pixels } = table;
  return Promise.all(
    labels.map(async (label, index) => {
      const own = pixels.subarray(index * height * width, (index + 1) * height * width);
      const data = await sharp(own, { raw: { height, width, channels: 1 } })
        .toColourspace("b-w")
        .png()
        .toBuffer();
      return { name: `${prefix}${names[label] ?? String(label)}/${index}.png`, data };
    }),
  );
}

export function csv(
  { height, width, labels, pixels }: Table,
  { header = true, delimiter = ",", newline = "\n" } = {},
): string {
  const size = height * width;
  const rows = labels.map((label, index) =>
    [label, ...pixels.subarray(index * size, (index + 1) * size)].join(delimiter),
  );
  const head = ["label", ...Array.from({ length: size }, (_, at) => `pixel${at}`)].join(delimiter);
  return [...(header ? [head] : []), ...rows, ""].join(newline);
}

export function jsonLines({ height, width, labels, pixels }: Table): string {
  const size = height * width;
  return labels
    .map(
      (label, index) =>
        `${JSON.stringify({ label, pixels: [...pixels.subarray(index * size, (index + 1) * size)] })}\n`,
    )
    .join("");
}
