/**
 * What every worker does now and then so that nothing is left lying: orders that a dead process did not deliver, jobs
 * that are in no queue, manifests not yet written.
 */
import type { JobStatus } from "../../schemas/job.ts";
import type { Logger } from "../shared/log.ts";
import type { Queues } from "../shared/queues.ts";
import type { Records } from "../shared/records/index.ts";
import type { Redis } from "../shared/redis.ts";
import type { Storage } from "../shared/storage/index.ts";
import { keepAccess } from "../shared/records/access-manifests.ts";
import { upkeepDatasets } from "./datasets/upkeep.ts";
import { archiveSweep } from "./sweeps/archive.ts";
import { archive } from "./training/archive.ts";

const tickMs = 1000;
/** Orders are delivered at once by their maker. An older one was left by a process that died. */
const orderAgeMs = 1000;
const lookEveryTicks = 5;
const sweepEveryTicks = 600;
const datasetsEveryTicks = 20;
const unfinishedAgeMs = 600_000;
const underWay: readonly JobStatus[] = ["running", "pausing", "cancelling", "queued"];
/** The oldest of each status are looked at. */
const mostLooked = 200;

export interface HousekeepingOptions {
  redis: Redis;
  records: Records;
  queues: Queues;
  storage: Storage;
  dataDir: string;
  mostCheckSeconds: number;
  log: Logger;
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #timer: NodeJS.Timeout | null = null;
  #busy: Promise<void> | null = null;
  #ticks = 0;
  /** Jobs, evaluations and sweeps that were in no queue when we last looked. */
  #missing = new Set<string>();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#busy ??= this.#tick()
        .catch((error: unknown) => this.#options.log.debug({ err: error }, "housekeeping will be tried again"))
        .finally(() => (this.#busy = null));
    }, tickMs);
  }

  /** Ends after what it is doing; does not wait for a Redis that is away. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await Promise.race([this.#busy ?? Promise.resolve(), new Promise((resolve) => setTimeout(resolve, 2000).unref())]);
  }

  async #tick(): Promise<void> {
    const { queues, records, storage } = this.#options;
    await queues.relay(orderAgeMs);
    if (this.#ticks % lookEveryTicks === 0) await this.#findLost();
    for (const jobId of await records.jobs.unarchived(orderAgeMs)) await archive(jobId, this.#options);
    for (const id of await records.sweeps.unarchived(orderAgeMs)) await archiveSweep(id, this.#options);
    await keepAccess(this.#options.redis, this.#options);
    if (this.#ticks % datasetsEveryTicks === 0) await upkeepDatasets(this.#options);
    if (this.#ticks % sweepEveryTicks === 0) await storage.sweep(unfinishedAgeMs);
    this.#ticks++;
  }

  /** A job, an evaluation or a sweep under way whose delivery is nowhere, twice in a row, is ordered anew. */
  async #findLost(): Promise<void> {
    const { records, queues, log } = this.#options;
    const missing = new Set<string>();
    for (const status of underWay) {
      for (const id of await records.jobs.idsInStatus(status, mostLooked)) {
        const job = await records.jobs.runOf(id);
        if (!job || job.status !== status || (await queues.hasDelivery(id, job.run))) continue;
        const name = `${id}:${job.run}`;
        if (this.#missing.has(name)) {
          log.warn({ job: id, status }, "a job under way was in no queue; it is delivered again");
          await queues.reorder(id, job.run);
        } else missing.add(name);
      }
    }
    for (const id of await records.evaluations.idsUnderWay(mostLooked)) {
      if (await queues.hasEvaluation(id)) continue;
      if (!this.#missing.has(id)) missing.add(id);
      else {
        log.warn({ evaluation: id }, "an evaluation under way was in no queue; it is delivered again");
        await queues.reorderEvaluation(id);
      }
    }
    for (const id of await records.sweeps.idsUnderWay(mostLooked)) {
      const sweep = await records.sweeps.runOf(id);
      if (!sweep || (await queues.hasSweep(id, sweep.run))) continue;
      if (!this.#missing.has(id)) missing.add(id);
      else {
        log.warn({ sweep: id }, "a sweep under way was in no queue; it is delivered again");
        await queues.reorderSweep(id, sweep.run);
      }
    }
    this.#missing = missing;
  }
}
