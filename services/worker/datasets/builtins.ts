/** Reads the built-in datasets that are known and not yet ready, with the code that reads uploads. */
import type { Redis } from "../../shared/redis.ts";
import { uploadSettings } from "../../../schemas/dataset.ts";
import { builtins, filesOf, type Builtin } from "../../shared/builtins.ts";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { newUlid } from "../../shared/ids.ts";
import { keys } from "../../shared/redis-keys.ts";
import type { Logger } from "../../shared/log.ts";
import type { DatasetRecord, Records } from "../../shared/records/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { runCheck } from "./checker.ts";
import type { LocalFile } from "./open.ts";
import { readyFields, storeDataset } from "./store.ts";
import { makeWorkplace } from "./workplace.ts";

export interface BuiltinsOptions {
  records: Records;
  redis: Redis;
  storage: Storage;
  dataDir: string;
  limits: DatasetLimits;
  log: Logger;
  signal: AbortSignal;
}

const lockMs = 30_000;

async function importOne(
  { classes }: Builtin,
  { record, files }: { record: DatasetRecord; files: LocalFile[] },
  options: BuiltinsOptions,
): Promise<void> {
  const { records, storage, limits, log, signal } = options;
  const started = Date.now();
  const workplace = await makeWorkplace(options.dataDir);
  try {
    const { directory } = workplace;
    const dataset = await runCheck({
      task: { files, settings: uploadSettings.parse({ classes }), limits, directory },
      onProgress: () => undefined,
      log,
      signal,
    });
    const manifest = await storeDataset(storage, record, dataset);
    const answer = await records.datasets.patch(record.id, readyFields(dataset, manifest), "checking");
    if (answer !== "ok") await storage.deleteAll(`datasets/${record.id}/`);
    log.info({ alias: record.alias, id: record.id, answer, ms: Date.now() - started }, "built-in dataset read");
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
 * Reads what is known, not ready, and whose files are here. A failure is told and does not stop the worker; it is tried
 * again at the next call.
 */
export async function importBuiltins(options: BuiltinsOptions): Promise<void> {
  const { records, redis, log, signal } = options;
  for (const builtin of builtins()) {
    const { alias } = builtin;
    const waiting = async (): Promise<DatasetRecord | null> => {
      const record = await records.datasets.find(alias);
      return record?.status === "checking" && record.upload === null ? record : null;
    };
    const done = async (): Promise<boolean> => (await waiting()) === null;
    try {
      const files = await filesOf(builtin);
      if (!files || (await done())) continue;
      await withLock(redis, { alias, done, signal }, async () => {
        const record = await waiting();
        if (record) await importOne(builtin, { record, files }, options);
      });
    } catch (error) {
      if (signal.aborted) return;
      log.error({ err: error, alias }, "a built-in dataset could not be read");
    }
  }
}
