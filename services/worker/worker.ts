/** The worker, put together: connections, threads, processors, heartbeat. `drain` hands everything over. */
import { availableParallelism, hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "bullmq";
import type { Numerics } from "../../schemas/job.ts";
import { built } from "../shared/built.ts";
import type { Config } from "../shared/config.ts";
import { chooseKernels } from "../shared/kernels.ts";
import type { KernelsDescription } from "../shared/kernels.ts";
import { newUlid } from "../shared/ids.ts";
import { channels } from "../shared/redis-keys.ts";
import type { Logger } from "../shared/log.ts";
import type { Tracing } from "../shared/tracing/index.ts";
import { Queues } from "../shared/queues.ts";
import { createRecords, migrate } from "../shared/records/index.ts";
import type { Records } from "../shared/records/index.ts";
import { closeRedis, connectRedis } from "../shared/redis.ts";
import type { Redis } from "../shared/redis.ts";
import { CannotStart } from "../shared/start.ts";
import { createStorage } from "../shared/storage/index.ts";
import type { Storage } from "../shared/storage/index.ts";
import { registerBuiltins } from "../shared/builtins.ts";
import { importBuiltins } from "./datasets/builtins.ts";
import { UploadProcessor } from "./datasets/process-upload.ts";
import { EvaluationProcessor } from "./evaluations/process-evaluation.ts";
import { Housekeeping } from "./housekeeping.ts";
import { CheckPlaces, checkDataset } from "./processors/datasets.ts";
import { evaluateModel } from "./processors/evaluations.ts";
import { startProcessors } from "./processors/index.ts";
import { coordinateSweep } from "./processors/sweeps.ts";
import { trainJob } from "./processors/training.ts";
import { callWebhook } from "./processors/webhooks.ts";
import { HostLimits } from "./webhooks/hosts.ts";
import { Coordinators } from "./sweeps/coordinators.ts";
import { planBytesOn } from "./threads/planning.ts";
import { WorkerTelemetry } from "./telemetry.ts";
import { ThreadPool } from "./threads/pool.ts";
import { Archives } from "./training/archive.ts";
import type { TrainingDependencies } from "./training/attempt.ts";
import { Sessions } from "./training/sessions.ts";

const heartbeatMs = 2000;
/** A drain waits no longer than this for a Redis that cannot be reached. */
const awayMs = 3000;
/** Of all hosts; half of them for those that are not known to answer quickly. */
const webhooksAtOnce = 32;
const webhooksPerHost = 2;
const evaluationsAtOnce = 1;
/** A coordinator mostly waits; it takes no place of a training. */
const sweepsAtOnce = 64;
const builtinsEveryMs = 10_000;
const retryMs = 500;

const threadEntry = built("services/worker/threads/thread.js");

export interface WorkerOptions {
  config: Config;
  redisUrl: string;
  tracing: Tracing;
  log: Logger;
}

export class RunningWorker {
  readonly name = `${hostname()}-${process.pid}-${newUlid().slice(-6)}`;
  readonly #options: WorkerOptions;
  readonly #kernels: Record<Numerics, KernelsDescription>;
  readonly #redis: Redis;
  readonly #listener: Redis;
  readonly #records: Records;
  readonly #storage: Storage;
  readonly #queues: Queues;
  readonly #pool: ThreadPool;
  readonly #sessions = new Sessions();
  readonly #telemetry: WorkerTelemetry;
  readonly #archives: Archives;
  readonly #coordinators: Coordinators;
  readonly #housekeeping: Housekeeping;
  #workers: Worker[] = [];
  readonly #ending = new AbortController();
  readonly #startedAt = new Date().toISOString();
  #heartbeat: NodeJS.Timeout | undefined;
  #redisRun = "";
  /** Settles when it takes deliveries, which needs Redis; rejects with CannotStart where that Redis cannot be used. */
  readonly started: Promise<void>;

  /** Throws KernelsError where the kernels that the configuration asks for are not there. */
  constructor(options: WorkerOptions) {
    const { config, redisUrl, tracing, log } = options;
    this.#options = options;
    this.#telemetry = new WorkerTelemetry(this.#sessions, config.worker.slots);
    const choose = (numerics: Numerics): KernelsDescription => chooseKernels({ wanted: config.kernels, numerics });
    this.#kernels = { reproducible: choose("reproducible"), fast: choose("fast") };
    this.#redis = connectRedis({ url: redisUrl, role: "working", log });
    this.#listener = connectRedis({ url: redisUrl, role: "listening", log });
    this.#records = createRecords(this.#redis);
    this.#storage = createStorage(config);
    this.#archives = new Archives({ redis: this.#redis, records: this.#records, storage: this.#storage, log });
    this.#queues = new Queues({ redis: this.#redis, log, tracing });
    this.#pool = new ThreadPool({ entry: threadEntry, keep: config.worker.slots * config.worker.threads, log });
    this.#pool.warm(Math.min(2, config.worker.threads));
    this.#redis.on("ready", () => this.#hello());
    this.#coordinators = new Coordinators(
      {
        records: this.#records,
        recordsOf: (project) => createRecords(this.#redis, project),
        queues: this.#queues,
        storage: this.#storage,
        planBytes: planBytesOn(this.#pool),
        log,
      },
      this.#ending.signal,
    );
    this.#listener.on("message", (channel: string, message: string) =>
      channel === channels.sweeps ? this.#coordinators.hear(message) : this.#heed(message),
    );
    this.#listener
      .subscribe(channels.control, channels.sweeps)
      .catch((error: unknown) => log.debug({ err: error }, "the worker ended before Redis was there to listen to"));
    this.#listener.on("ready", () => this.#coordinators.hearAll());
    this.#housekeeping = new Housekeeping({
      redis: this.#redis,
      records: this.#records,
      queues: this.#queues,
      storage: this.#storage,
      dataDir: config.dataDir,
      mostCheckSeconds: config.datasets.MAX_CHECK_SECONDS,
      log,
    });
    this.started = this.#start();
  }

  async #start(): Promise<void> {
    await this.#telemetry.serve({ ...this.#options, keys: this.#records.keys });
    await this.#migrate();
    if (this.#ending.signal.aborted) return;
    this.#workers = this.#startProcessors();
    this.#housekeeping.start();
    this.#heartbeat = setInterval(() => this.#seen(), heartbeatMs);
    this.#seen();
    void this.#readBuiltins();
  }

  /** Nothing is taken before the records are those of this version. */
  async #migrate(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        return await migrate(this.#redis);
      } catch (error) {
        if (error instanceof CannotStart) throw error;
        if (!signal.aborted) this.#options.log.warn({ err: error }, "the records cannot be read yet; trying again");
        await sleep(retryMs, undefined, { ref: false, signal }).catch(() => undefined);
      }
    }
  }

  /** What is built in becomes known at once; what is known and unread is looked for as long as the worker lives. */
  async #readBuiltins(): Promise<void> {
    const { config, log } = this.#options;
    const { signal } = this.#ending;
    const options = {
      records: this.#records,
      redis: this.#redis,
      storage: this.#storage,
      dataDir: config.dataDir,
      limits: config.datasets,
      log,
      signal,
    };
    await registerBuiltins(options).catch((error: unknown) =>
      log.warn({ err: error }, "the built-in datasets could not be made known"),
    );
    while (!signal.aborted) {
      await importBuiltins(options);
      await sleep(builtinsEveryMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  #training(): TrainingDependencies {
    const { config, tracing, log } = this.#options;
    return {
      tracing,
      telemetry: this.#telemetry,
      records: this.#records,
      storage: this.#storage,
      pool: this.#pool,
      sessions: this.#sessions,
      archives: this.#archives,
      log,
      worker: this.name,
      threads: config.worker.threads,
      memoryBytes: config.worker.memoryBytes,
      ending: this.#ending.signal,
      planBytes: planBytesOn(this.#pool),
      hasSpareProcessor: (threads) => availableParallelism() > config.worker.slots * threads,
      crashBudget: config.worker.crashBudget,
      kernels: (numerics) => this.#kernels[numerics],
      redisRun: () => this.#redisRun,
    };
  }

  #startProcessors(): Worker[] {
    const { config, tracing, log } = this.#options;
    const uploads = new UploadProcessor({
      records: this.#records,
      storage: this.#storage,
      dataDir: config.dataDir,
      limits: config.datasets,
      tracing,
      log,
    });
    const training = this.#training();
    const evaluations = new EvaluationProcessor({
      records: this.#records,
      storage: this.#storage,
      pool: this.#pool,
      kernels: (numerics) => this.#kernels[numerics],
      crashBudget: config.worker.crashBudget,
      tracing,
      log,
    });
    const places = new CheckPlaces(config.worker.checks);
    const turn = () => ({
      turns: this.#records.turns,
      redisRun: this.#redisRun,
      ending: this.#ending.signal,
    });
    const webhooks = {
      records: this.#records,
      queues: this.#queues,
      hosts: new HostLimits({ perHost: webhooksPerHost, unproven: webhooksAtOnce / 2 }),
      tracing,
      log,
      allowPrivate: config.webhooks.allowPrivate,
    };
    return startProcessors(
      {
        training: {
          concurrency: config.worker.slots,
          process: (delivery, token) => trainJob(delivery, token, training),
        },
        datasets: {
          concurrency: config.worker.checks + 1,
          process: (delivery, token) => checkDataset(delivery, token, { uploads, places, ...turn() }),
        },
        evaluations: {
          concurrency: evaluationsAtOnce,
          process: (delivery, token) => evaluateModel(delivery, token, { evaluations, ...turn() }),
        },
        sweeps: {
          concurrency: sweepsAtOnce,
          process: (delivery, token) => coordinateSweep(delivery, token, this.#coordinators),
        },
        webhooks: { concurrency: webhooksAtOnce, process: (delivery, token) => callWebhook(delivery, token, webhooks) },
      },
      { redis: this.#redis, name: this.name, tracing, telemetry: this.#telemetry, log },
    );
  }

  /** A new connection: perhaps to a Redis that was started anew, and messages may have been missed. */
  #hello(): void {
    this.#redis
      .info("server")
      .then((text) => {
        this.#redisRun = /run_id:(\w+)/.exec(text)?.[1] ?? this.#redisRun;
      })
      .catch((error: unknown) => this.#options.log.debug({ err: error }, "Redis did not say which run it is"));
    for (const jobId of this.#sessions.jobs) this.#heed(jobId);
  }

  /** Somebody changed the status of a job: if it is trained here, its session looks. */
  #heed(jobId: string): void {
    const session = this.#sessions.get(jobId);
    if (!session) return;
    this.#records.jobs
      .asked(jobId)
      .then((asked) => session.heed(asked))
      .catch((error: unknown) => this.#options.log.debug({ err: error }, "a job's status could not be read"));
  }

  #seen(): void {
    const { config, log } = this.#options;
    if (this.#redis.status !== "ready") return;
    this.#records.workers
      .seen({
        name: this.name,
        host: hostname(),
        pid: process.pid,
        startedAt: this.#startedAt,
        seenAt: new Date().toISOString(),
        slots: config.worker.slots,
        threads: config.worker.threads,
        memoryBytes: config.worker.memoryBytes,
        kernels: this.#kernels.reproducible.name,
        draining: this.#ending.signal.aborted,
        jobs: this.#sessions.jobs,
      })
      .catch((error: unknown) => log.debug({ err: error }, "the heartbeat did not arrive"));
  }

  /** Settles when a drain may wait no longer: its time is over, or Redis stays away. */
  async #late(): Promise<"late"> {
    const end = performance.now() + this.#options.config.worker.drainSeconds * 1000;
    for (let lastSeen = performance.now(); performance.now() < end && performance.now() - lastSeen < awayMs;) {
      if (this.#redis.status === "ready") lastSeen = performance.now();
      await sleep(100, undefined, { ref: false });
    }
    return "late";
  }

  /**
   * Takes nothing new, hands its jobs over with a checkpoint, ends. Settles when everything is where it belongs, or
   * after the time allowed.
   */
  async drain(): Promise<void> {
    const { log } = this.#options;
    this.#ending.abort(new Error("the worker ends"));
    this.#sessions.drain();
    const closed = Promise.allSettled(this.#workers.map((worker) => worker.close())).then(() => this.#archives.idle());
    if ((await Promise.race([closed, this.#late()])) === "late")
      log.warn("not everything could be handed over in time; others will find it");
    clearInterval(this.#heartbeat);
    await this.#housekeeping.stop();
    if (this.#redis.status === "ready") await this.#records.workers.gone(this.name).catch(() => {});
    await this.#pool.close();
    await this.#telemetry.close();
    await this.#queues.close();
    await Promise.all([closeRedis(this.#redis), closeRedis(this.#listener)]);
  }
}
