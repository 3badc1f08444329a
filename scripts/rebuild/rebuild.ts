/**
 * Restores the records of datasets, models, evaluations, ended jobs and ended sweeps from their manifests in storage.
 * What is already there stays as it is.
 */
import type { Redis } from "../../services/shared/redis.ts";
import { datasetManifest } from "../../schemas/dataset.ts";
import type { DatasetManifest } from "../../schemas/dataset.ts";
import { evaluationManifest } from "../../schemas/evaluation.ts";
import { modelManifest } from "../../schemas/model.ts";
import { keys } from "../../services/shared/redis-keys.ts";
import {
  createRecords,
  migrate,
  modelRecord,
  projectOf,
  requestFields,
  tablesField,
  withoutTables,
} from "../../services/shared/records/index.ts";
import type { DatasetRecord, Records } from "../../services/shared/records/index.ts";
import { toFields } from "../../services/shared/records/hash.ts";
import { jobManifest } from "../../services/shared/records/job-manifest.ts";
import type { JobManifest } from "../../services/shared/records/job-manifest.ts";
import { sweepManifest } from "../../services/shared/records/sweep-manifest.ts";
import type { SweepManifest } from "../../services/shared/records/sweep-manifest.ts";
import { getJson, layout } from "../../services/shared/storage/index.ts";
import type { Storage } from "../../services/shared/storage/index.ts";
import { restoreKey, restoreNamed, restoreProject } from "./access.ts";

export interface Rebuilt {
  projects: number;
  keys: number;
  datasets: number;
  models: number;
  evaluations: number;
  jobs: number;
  sweeps: number;
  /** Manifests that could not be read, each in a sentence. */
  problems: string[];
}

interface Sources {
  redis: Redis;
  records: Records;
  storage: Storage;
}

function datasetRecord(manifest: DatasetManifest): DatasetRecord {
  const { version: _version, splits, project, ...shown } = manifest;
  const count = (split: "train" | "validation" | "test"): number => splits[split]?.count ?? 0;
  const bytesOf =
    manifest.shape.channels * manifest.shape.height * manifest.shape.width * (manifest.dtype === "uint8" ? 1 : 4) + 4;
  const counts = { train: count("train"), validation: count("validation"), test: count("test") };
  return {
    ...shown,
    ...(project === undefined ? {} : { project }),
    object: "dataset",
    status: "ready",
    terminal: true,
    fraction: 1,
    splits: counts,
    problems: [],
    bytes: (counts.train + counts.validation + counts.test) * bytesOf,
    upload: null,
    manifest,
  };
}

/** An alias that somebody else has by now is left out. */
async function createUnaliased<Entry extends { alias: string | null }>(
  entry: Entry,
  create: (entry: Entry) => Promise<"created" | "exists" | "alias-taken">,
): Promise<boolean> {
  const answer = await create(entry);
  if (answer !== "alias-taken") return answer === "created";
  return (await create({ ...entry, alias: null })) === "created";
}

interface GivenAlias {
  project: string;
  name: string;
  at: string;
  model: string;
}

/**
 * Each alias names the model that got it last: a move that broke off may stand in two manifests. One that somebody has
 * by now stays there.
 */
async function restoreAliases(given: readonly GivenAlias[], { redis }: Sources): Promise<void> {
  const last = new Map<string, GivenAlias>();
  for (const each of given) {
    const place = `${each.project} ${each.name}`;
    if (each.at >= (last.get(place)?.at ?? "")) last.set(place, each);
  }
  const inOrder = [...last.values()].sort((left, right) => (left.at < right.at ? -1 : 1));
  for (const { project, name, at, model } of inOrder)
    await createRecords(redis, project).models.name(name, model, { at, ifFree: true });
}

async function restoreJob(manifest: JobManifest, sources: Sources): Promise<boolean> {
  await restoreNamed(sources, manifest.project);
  const { redis } = sources;
  const { project, job, stopAtStep, rescheduled, initialModelId, checkpoints, metrics, events } = manifest;
  if ((await redis.exists(keys.job(job.id))) === 1) return false;
  const { object: _object, terminal: _terminal, urls: _urls, sweep, status, attempts, ...fields } = job;
  const { network, tables } = await withoutTables(job.request.network);
  const write = redis.multi();
  const key = keys.job(job.id);
  write.hset(
    key,
    ...toFields({
      ...fields,
      project,
      request: { ...job.request, network },
      ...(tables === null ? {} : { [tablesField]: tables }),
      ...(stopAtStep === null ? {} : { stopAtStep, rescheduled }),
    }),
  );
  write.hset(
    key,
    "status",
    status,
    "run",
    1,
    "attempt",
    attempts.length,
    "crashes",
    0,
    "events",
    events.at(-1)?.id ?? "0",
    "datasetId",
    job.dataset.id,
  );
  if (sweep !== null) {
    write.hset(key, "sweepId", sweep.id, "trial", sweep.trial);
    write.zadd(keys.jobsBySweep(sweep.id), 0, job.id);
  }
  if (initialModelId !== null) write.hset(key, "initialModelId", initialModelId);
  for (const [index, { endedAt, reason, ...opened }] of attempts.entries()) {
    write.hset(
      key,
      `attempt:${index + 1}`,
      JSON.stringify({ ...opened, endedAt: null, reason: null }),
      `attempt:${index + 1}:end`,
      JSON.stringify({ at: endedAt, reason }),
    );
  }
  for (const { id, type, at, data } of events)
    write.xadd(keys.jobEvents(job.id), `${id}-0`, "type", type, "at", at, "data", JSON.stringify(data));
  for (const series of ["step", "epoch", "inside"] as const)
    for (const row of metrics[series])
      write.xadd(keys.jobMetrics(job.id, series), `${row.step}-0`, "row", JSON.stringify(row));
  for (const record of checkpoints)
    write.hset(keys.jobCheckpoints(job.id), String(record.step), JSON.stringify(record));
  const stored = checkpoints.reduce((sum, { bytes }) => sum + bytes, 0);
  write.hset(key, "stored", stored);
  write.hincrby(keys.project(project), "storedBytes", stored);
  write.zadd(keys.jobs, 0, job.id);
  write.zadd(keys.jobsByStatus(status), 0, job.id);
  write.zadd(keys.projectJobs(project), 0, job.id);
  write.zadd(keys.projectJobsByStatus(project, status), 0, job.id);
  write.zadd(keys.jobsByDataset(job.dataset.id), 0, job.id);
  for (const [error] of (await write.exec()) ?? []) if (error) throw error;
  return true;
}

/** After its jobs: those name it, and it names the best of them. */
async function restoreSweep(manifest: SweepManifest, sources: Sources): Promise<boolean> {
  await restoreNamed(sources, manifest.project);
  const { redis } = sources;
  const { project, sweep, trials, events } = manifest;
  const key = keys.sweep(sweep.id);
  if ((await redis.exists(key)) === 1) return false;
  const { object: _object, terminal: _terminal, urls: _urls, elapsedSeconds, status, request, ...fields } = sweep;
  const write = redis.multi();
  write.hset(key, ...toFields({ ...fields, project, ...(await requestFields(request)) }));
  write.hset(key, {
    status,
    run: 0,
    attempt: 0,
    events: events.at(-1)?.id ?? "0",
    ranMs: Math.round(1000 * elapsedSeconds),
    datasetId: sweep.dataset.id,
    models: "[]",
  });
  for (const { id, type, at, data } of events)
    write.xadd(keys.sweepEvents(sweep.id), `${id}-0`, "type", type, "at", at, "data", JSON.stringify(data));
  for (const [field, value] of Object.entries(trials)) write.hset(keys.sweepTrials(sweep.id), field, value);
  write.zadd(keys.sweeps, 0, sweep.id);
  write.zadd(keys.sweepsByDataset(sweep.dataset.id), 0, sweep.id);
  for (const [error] of (await write.exec()) ?? []) if (error) throw error;
  return true;
}

/** Manifests below a prefix: for each folder the one with the highest number. */
async function manifestsBelow(storage: Storage, prefix: string): Promise<string[]> {
  const found = new Map<string, { key: string; number: number }>();
  for await (const { key } of storage.list(prefix)) {
    const match = /^([^/]+\/[^/]+)\/manifest(?:-(\d+))?\.json$/.exec(key);
    if (!match) continue;
    const [folder, number] = [match[1], Number(match[2] ?? 0)];
    if (number >= (found.get(folder)?.number ?? -1)) found.set(folder, { key, number });
  }
  return [...found.values()].map(({ key }) => key);
}

export async function rebuild(sources: Sources): Promise<Rebuilt> {
  const { records, storage } = sources;
  await migrate(sources.redis);
  const counts = { projects: 0, keys: 0, datasets: 0, models: 0, evaluations: 0, jobs: 0, sweeps: 0 };
  const rebuilt: Rebuilt = { ...counts, problems: [] };
  const each = async (
    prefix: string,
    restore: (key: string) => Promise<boolean>,
    kind: Exclude<keyof Rebuilt, "problems">,
  ): Promise<void> => {
    for (const key of await manifestsBelow(storage, prefix)) {
      try {
        if (await restore(key)) rebuilt[kind]++;
      } catch (error) {
        rebuilt.problems.push(`${key}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  await each(layout.projects, (key) => restoreProject(key, sources), "projects");
  await each(layout.keys, (key) => restoreKey(key, sources), "keys");
  await each(
    layout.datasets,
    async (key) => {
      const manifest = await getJson(storage, key, datasetManifest);
      await restoreNamed(sources, manifest.project);
      return createUnaliased(datasetRecord(manifest), (entry) => records.datasets.create(entry));
    },
    "datasets",
  );
  const given: GivenAlias[] = [];
  await each(
    layout.models,
    async (key) => {
      const manifest = await getJson(storage, key, modelManifest);
      await restoreNamed(sources, manifest.project);
      const record = modelRecord(manifest, key);
      const { alias, createdAt, dataset, id } = manifest.model;
      const made = await records.models.create({ ...record, alias: null }, dataset ? { needs: dataset.id } : {});
      const aliases = manifest.aliases ?? (alias === null ? [] : [{ name: alias, at: createdAt }]);
      if (made === "created")
        given.push(...aliases.map((every) => ({ ...every, project: projectOf(record), model: id })));
      return made === "created";
    },
    "models",
  );
  await restoreAliases(given, sources);
  await each(
    layout.evaluations,
    async (key) => {
      const manifest = await getJson(storage, key, evaluationManifest);
      const { model } = manifest.evaluation;
      // Of a model that is gone: left to the collector.
      const judged = await records.models.read(model);
      return judged !== null && records.evaluations.restore(manifest, { manifest: key, project: projectOf(judged) });
    },
    "evaluations",
  );
  await each(layout.jobs, async (key) => restoreJob(await getJson(storage, key, jobManifest), sources), "jobs");
  await each(layout.sweeps, async (key) => restoreSweep(await getJson(storage, key, sweepManifest), sources), "sweeps");
  return rebuilt;
}
