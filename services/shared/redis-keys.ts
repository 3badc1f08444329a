/** Every key of Redis. docs/PROTOCOLS.md has each as a form: what stands there, who writes, who reads. */

/** All of ours; the scripts build keys from it, so a Redis Cluster is not supported. */
export const keyPrefix = "maps:";
/** BullMQ's own keys. */
export const queuePrefix = `${keyPrefix}queue`;

const of = (...parts: string[]): string => keyPrefix + parts.join(":");

export const keys = {
  /** Hash: the record; every field is JSON but the counters. */
  job: (id: string) => of("job", id),
  /** Stream, ids 1-0, 2-0, …: fields type, at, data. */
  jobEvents: (id: string) => of("job", id, "events"),
  /** Stream, id = step: field row. */
  jobMetrics: (id: string, series: "step" | "epoch") => of("job", id, "metrics", series),
  /** Hash: step → record of a checkpoint. */
  jobCheckpoints: (id: string) => of("job", id, "checkpoints"),
  /** Sorted set: step → time until which it may not be deleted. */
  jobPins: (id: string) => of("job", id, "pins"),
  /** Sorted sets with score 0, read by name: ids in order of creation. */
  jobs: of("jobs"),
  jobsByStatus: (status: string) => of("jobs", "status", status),
  jobsByDataset: (id: string) => of("jobs", "dataset", id),
  resource: (kind: "dataset" | "model", id: string) => of(kind, id),
  resources: (kind: "dataset" | "model") => of(`${kind}s`),
  /** Hash: alias → id. */
  aliases: (kind: "dataset" | "model") => of(`${kind}s`, "aliases"),
  /** Set: ids of the jobs and models that need it. */
  users: (kind: "dataset" | "model", id: string) => of(kind, id, "users"),
  /** String with an end: somebody is still sending this dataset. */
  receiving: (id: string) => of("dataset", id, "receiving"),
  /** String with an end: a worker imports this built-in dataset. */
  importing: (alias: string) => of("datasets", "importing", alias),
  /** Hash with an end: a write and the answer it got. */
  idempotency: (scope: string, key: string) => of("idempotency", scope, key),
  /** Sorted set, score = time: deliveries that must reach a queue. */
  outbox: of("outbox"),
  /** Sorted set, score = time: jobs that ended and whose manifest is not yet in storage. */
  archive: of("archive"),
  /** Set of worker names; a string with an end for each. */
  workers: of("workers"),
  worker: (name: string) => of("worker", name),
  /** Hash: kind of training → samples a second, as last seen. */
  rates: of("rates"),
} as const;

export const channels = {
  /** Message: a job's id. Its event sequence has grown. */
  events: (jobId: string) => of("wake", jobId),
  /** Message: a job's id. Its status asks something of the worker that runs it. */
  control: of("control"),
} as const;
