/**
 * What nobody else finds: checks whose order was lost, uploads whose sender died, folders of processes that are gone.
 */
import type { Logger } from "../../shared/log.ts";
import { keys } from "../../shared/redis-keys.ts";
import type { Queues } from "../../shared/queues.ts";
import type { DatasetRecord, Records } from "../../shared/records/index.ts";
import type { Redis } from "../../shared/redis.ts";
import { layout } from "../../shared/storage/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { sweepWorkplaces } from "./workplace.ts";

export interface UpkeepOptions {
  redis: Redis;
  records: Records;
  queues: Queues;
  storage: Storage;
  dataDir: string;
  /** After this many seconds no check is under way any more. */
  mostCheckSeconds: number;
  log: Logger;
}

const pageSize = 200;
/** A record is made a moment before its sender first shows life. */
const settlingMs = 10_000;

async function* unfinished(records: Records): AsyncGenerator<DatasetRecord, void, undefined> {
  let after: string | undefined;
  do {
    const page = await records.datasets.list({ limit: pageSize, after, order: "asc" });
    for (const record of page.data) if (!record.terminal) yield record;
    after = page.nextAfter ?? undefined;
  } while (after !== undefined);
}

/** Harmless to repeat, and on any number of workers. */
export async function upkeepDatasets(options: UpkeepOptions): Promise<void> {
  const { redis, records, queues, storage, dataDir, mostCheckSeconds, log } = options;
  await sweepWorkplaces(dataDir, (mostCheckSeconds + 600) * 1000);
  for await (const record of unfinished(records)) {
    const settled = Date.now() - Date.parse(record.createdAt) > settlingMs;
    if (record.status === "checking") await queues.deliverCheck(record.id);
    else if (settled && (await redis.exists(keys.receiving(record.id))) === 0) {
      log.info({ dataset: record.id }, "an upload whose sender is gone is removed");
      await records.datasets.abandon(record.id);
      await storage.deleteAll(layout.upload(record.id));
    }
  }
}
