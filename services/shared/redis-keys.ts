/**
 * Every key and channel of Redis, as a form with parts in braces. docs/PROTOCOLS.md says of each what stands there, who
 * writes, who reads. From these forms come the functions below and those that the Lua scripts call. The scripts make
 * keys of their own that way, so a Redis Cluster is refused at the start.
 */
import { fromForms } from "./forms.ts";

/** BullMQ's own keys. */
export const queuePrefix = "maps:queue";

export const keyForms = {
  /** Hash: the record; every field is JSON but the counters. */
  job: "maps:job:{id}",
  /** Stream, ids 1-0, 2-0, …: fields type, at, data. */
  jobEvents: "maps:job:{id}:events",
  /** Stream, id = step: field row. Series: step, epoch, inside. */
  jobMetrics: "maps:job:{id}:metrics:{series}",
  /** Hash: step → record of a checkpoint. */
  jobCheckpoints: "maps:job:{id}:checkpoints",
  /** Sorted set: step → time until which it may not be deleted. */
  jobPins: "maps:job:{id}:pins",
  /** Hash: event → record of its delivery to the job's webhook. */
  jobWebhooks: "maps:job:{id}:webhooks",
  /** Sorted sets with score 0, read by name: ids in order of creation. */
  jobs: "maps:jobs",
  jobsByStatus: "maps:jobs:status:{status}",
  jobsByDataset: "maps:jobs:dataset:{id}",
  jobsBySweep: "maps:jobs:sweep:{id}",
  /** Hash: the record; every field is JSON but the counters and the clock. */
  sweep: "maps:sweep:{id}",
  /** Stream like a job's events. */
  sweepEvents: "maps:sweep:{id}:events",
  /** Hash: trial → its job; trial:rung → '' once begun, then its outcome; trial:over → 1 once it cannot win. */
  sweepTrials: "maps:sweep:{id}:trials",
  /** Sorted sets like jobs: all, those of a dataset, those that a coordinator sees to. */
  sweeps: "maps:sweeps",
  sweepsByDataset: "maps:sweeps:dataset:{id}",
  sweepsUnderWay: "maps:sweeps:under-way",
  /** Hash: the record. Kind: dataset, model. */
  resource: "maps:{kind}:{id}",
  /** Sorted set like jobs. */
  resources: "maps:{kind}s",
  /** What a project has: sorted sets like jobs. A built-in dataset stands in every project's. */
  projectJobs: "maps:project:{project}:jobs",
  projectJobsByStatus: "maps:project:{project}:jobs:status:{status}",
  projectResources: "maps:project:{project}:{kind}s",
  /** Hash: alias → id. */
  aliases: "maps:project:{project}:{kind}s:aliases",
  /** Hash: the record of a project, and the counter storedBytes. */
  project: "maps:project:{project}",
  /** Sorted set like jobs. */
  projects: "maps:projects",
  /** Sorted set, score = the number of the change: projects and keys whose manifest in storage is behind. */
  unkept: "maps:unkept",
  /** Counter: such changes. */
  changes: "maps:unkept:changes",
  /** Sorted set: what of a project waits for a worker, in the order in which it is to have one. */
  waiting: "maps:project:{project}:waiting:{queue}",
  /** Sorted set: the same by what it needs: a job bytes of memory (0: not known yet), a check those of the upload. */
  needs: "maps:project:{project}:needs:{queue}",
  /** Set: jobs of a project that a worker has taken and not ended or given back. */
  taken: "maps:project:{project}:taken",
  /** Sorted set: projects in which something waits, by the number of the turn that they last had. */
  turns: "maps:turns:{queue}",
  /** Counter: turns given. */
  turn: "maps:turn",
  /** Hash: name of a delivery → what it stands for (of a job job:run), where that is not its own. */
  tickets: "maps:tickets:{queue}",
  /** String with an end: requests of a project in the present minute. */
  requests: "maps:project:{project}:requests",
  /** Sorted set, score = time until which it counts: requests for predictions under way. */
  predictions: "maps:project:{project}:predictions",
  /** Hash: the record of a key. */
  key: "maps:key:{id}",
  /** Sorted set like jobs. */
  allKeys: "maps:keys",
  /** Hash: SHA-256 of a key → its id. */
  keyDigests: "maps:keys:digests",
  /** String with an end: the session whose cookie has this SHA-256. */
  session: "maps:session:{digest}",
  /** String: the version of the records, that `migrate` brought them to. */
  version: "maps:version",
  /** Set: ids of the jobs and models that need it. */
  users: "maps:{kind}:{id}:users",
  /** Set: ids of what goes with a dataset, until their objects are gone too. */
  leaving: "maps:dataset:{id}:leaving",
  /** Hash: the record of an evaluation. */
  evaluation: "maps:evaluation:{id}",
  /** Sorted set like jobs: those of a model. */
  evaluationsOfModel: "maps:model:{id}:evaluations",
  /** Sorted set like jobs: those that have not ended. */
  evaluationsUnderWay: "maps:evaluations:under-way",
  /** String with an end: somebody is still sending this dataset. */
  receiving: "maps:dataset:{id}:receiving",
  /** String with an end: a worker imports this built-in dataset. */
  importing: "maps:datasets:importing:{alias}",
  /** Hash with an end: a write and the answer it got. */
  idempotency: "maps:idempotency:{scope}:{key}",
  /** Sorted set, score = time: deliveries that must reach a queue. */
  outbox: "maps:outbox",
  /** Sorted set, score = time: jobs that ended and whose manifest is not yet in storage. */
  archive: "maps:archive",
  /** The same of sweeps. */
  sweepArchive: "maps:archive:sweeps",
  /** Set of worker names; a string with an end for each. */
  workers: "maps:workers",
  worker: "maps:worker:{name}",
  /** String with an end: samples a second of this kind of training, as last seen. */
  rate: "maps:rate:{kind}",
  /** Hash: kernels and threads → work a second, over the last trainings. */
  speeds: "maps:speeds",
} as const;

export const channelForms = {
  /** Message: the id of a job or sweep. Its event sequence has grown, or it is another now. */
  events: "maps:wake:{id}",
  /** Message: kind:id. A dataset, model, key or project is another now, is gone, or has another alias. */
  changed: "maps:changed",
  /** Message: a number. What was said before it on the same connection has been heard. */
  pulse: "maps:pulse:{listener}",
  /** Message: a job's id. Its status asks something of the worker that runs it. */
  control: "maps:control",
  /** Message: sweep:trial. Its coordinator looks: a trial's job paused or ended; without a trial, at the sweep. */
  sweeps: "maps:sweep-news",
} as const;

export const keys = fromForms(keyForms);
export const channels = fromForms(channelForms);
