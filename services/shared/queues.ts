/**
 * The queues. A write leaves an order in the outbox in the same script that changes the record; `relay` brings orders
 * to BullMQ and then takes them out. A process that dies in between loses nothing: a delivery of the same id is added
 * once.
 */
import { Queue } from "bullmq";
import type { JobsOptions } from "bullmq";
import type { Redis } from "ioredis";
import { queueName, queuePayloads } from "../../schemas/queue.ts";
import type { QueueName, QueuePayload } from "../../schemas/queue.ts";
import type { Logger } from "./log.ts";
import { orders, readOrder } from "./outbox.ts";
import { keys, queuePrefix } from "./redis-keys.ts";
import type { Tracing } from "./tracing/index.ts";

/**
 * Recovery within 15 s: a lock lives 5 s, whoever looks for lost ones does so every 2.5 s; our own crash budget bounds
 * the rest. A delivery that is handed over wakes nobody in BullMQ when it has a priority, so an idle worker looks twice
 * a second.
 */
export const deliveryTimes = {
  lockDuration: 5000,
  stalledInterval: 2500,
  maxStalledCount: 1_000_000,
  drainDelay: 0.5,
  runRetryDelay: 500,
} as const;

const webhookTries = 8;

/**
 * Options of a delivery. BullMQ serves those without a priority first, then 1. What a delivery of the first three is
 * for is decided when it is taken (records/lua/take-turn.lua): until then all of a queue are alike.
 */
const options: Record<QueueName, JobsOptions> = {
  training: { attempts: 1_000_000, backoff: { type: "capped" }, priority: 1 },
  datasets: { attempts: 5, backoff: { type: "exponential", delay: 1000 }, priority: 1 },
  evaluations: { attempts: 5, backoff: { type: "exponential", delay: 1000 }, priority: 1 },
  sweeps: { attempts: 1_000_000, backoff: { type: "capped" } },
  webhooks: { attempts: webhookTries, backoff: { type: "exponential", delay: 1000, jitter: 0.2 } },
};

export const trainingDeliveryId = (jobId: string, run: number): string => `${jobId}-${run}`;

const sweepDeliveryId = (sweepId: string, run: number): string => `${sweepId}-${run}`;

const webhookDeliveryId = (jobId: string, event: string): string => `${jobId}-${event}`;

export class Queues {
  readonly #redis: Redis;
  readonly #queues: { [Name in QueueName]: Queue<QueuePayload<Name>> };

  /** Makes a Queue for each name over the given connection; ends with `close`, the connection is the caller's. */
  constructor(settings: { redis: Redis; log: Logger; tracing?: Pick<Tracing, "queues"> }) {
    this.#redis = settings.redis;
    const telemetry = settings.tracing?.queues;
    const make = <Name extends QueueName>(name: Name): Queue<QueuePayload<Name>> => {
      const queue = new Queue<QueuePayload<Name>>(name, {
        connection: settings.redis,
        prefix: queuePrefix,
        ...(telemetry ? { telemetry } : {}),
        defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
      });
      queue.on("error", (error) => settings.log.debug({ err: error, queue: name }, "a queue's connection failed"));
      return queue;
    };
    this.#queues = {
      training: make("training"),
      datasets: make("datasets"),
      evaluations: make("evaluations"),
      sweeps: make("sweeps"),
      webhooks: make("webhooks"),
    };
  }

  /**
   * Delivers what `JobRecords.create` or `resume` ordered. Fails where Redis is away; the order stays and is relayed
   * later.
   */
  async deliverJob(jobId: string): Promise<void> {
    const run = await this.#redis.hget(keys.job(jobId), "run");
    if (run !== null) await this.#deliver(orders.training(jobId, run));
  }

  /**
   * Orders the check of a dataset that is `checking` and delivers it; a second order of one that is under way changes
   * nothing.
   */
  async deliverCheck(datasetId: string): Promise<void> {
    const member = orders.datasets(datasetId);
    await this.#redis.zadd(keys.outbox, Date.now(), member);
    await this.#deliver(member);
  }

  /** Delivers an evaluation that was ordered. */
  deliverEvaluation(id: string): Promise<void> {
    return this.#deliver(orders.evaluations(id));
  }

  /** Delivers what the creation of a sweep, or a change of it, ordered. */
  async deliverSweep(id: string): Promise<void> {
    const run = await this.#redis.hget(keys.sweep(id), "run");
    if (run !== null) await this.#deliver(orders.sweeps(id, run));
  }

  /** Delivers what stood in the outbox for at least `olderThanMs`. Answers how many. */
  async relay(olderThanMs = 0): Promise<number> {
    const members = await this.#redis.zrangebyscore(keys.outbox, "-inf", Date.now() - olderThanMs, "LIMIT", 0, 200);
    for (const member of members) await this.#deliver(member);
    return members.length;
  }

  async #deliver(member: string): Promise<void> {
    const order = readOrder(member);
    if (order?.queue === "training") await this.#deliverTraining(order.job, order.run);
    else if (order?.queue === "datasets") await this.#deliverCheck(order.dataset);
    else if (order?.queue === "evaluations")
      await this.#queues.evaluations.add(
        "evaluate",
        queuePayloads.evaluations.parse({ version: 1, evaluationId: order.evaluation }),
        { ...options.evaluations, jobId: await this.#evaluationTicket(order.evaluation) },
      );
    else if (order?.queue === "sweeps")
      await this.#queues.sweeps.add(
        "coordinate",
        queuePayloads.sweeps.parse({ version: 1, sweepId: order.sweep, run: order.run }),
        { ...options.sweeps, jobId: sweepDeliveryId(order.sweep, order.run) },
      );
    else if (order?.queue === "webhooks")
      await this.#queues.webhooks.add(
        "call",
        queuePayloads.webhooks.parse({ version: 1, jobId: order.job, eventId: order.event }),
        { ...options.webhooks, jobId: webhookDeliveryId(order.job, order.event) },
      );
    await this.#redis.zrem(keys.outbox, member);
  }

  async #deliverCheck(datasetId: string): Promise<void> {
    const ticket = await this.#redis.hget(keys.resource("dataset", datasetId), "ticket");
    await this.#queues.datasets.add("check", queuePayloads.datasets.parse({ version: 1, datasetId }), {
      ...options.datasets,
      jobId: ticket ?? datasetId,
    });
  }

  async #deliverTraining(jobId: string, run: number): Promise<void> {
    if ((await this.#redis.exists(keys.job(jobId))) === 0) return;
    await this.#queues.training.add("train", queuePayloads.training.parse({ version: 1, jobId, run }), {
      ...options.training,
      jobId: await this.#ticketOf(jobId, run),
    });
  }

  /** The delivery that stands for a run of a job: its own, or the one that it changed with another job. */
  async #ticketOf(jobId: string, run: number): Promise<string> {
    const [present, ticket] = await this.#redis.hmget(keys.job(jobId), "run", "ticket");
    return Number(present) === run && ticket ? ticket : trainingDeliveryId(jobId, run);
  }

  /** Takes a job's delivery out of the queue if nobody works on it; a worker that gets one by chance lets it fall. */
  async withdraw(jobId: string, run: number): Promise<void> {
    await this.#queues.training.remove(await this.#ticketOf(jobId, run)).catch(() => 0);
  }

  /** The same for an evaluation, which has one run. */
  async #evaluationTicket(id: string): Promise<string> {
    return (await this.#redis.hget(keys.evaluation(id), "ticket")) ?? id;
  }

  /** Takes the delivery of an evaluation out of the queue if nobody works on it. */
  async withdrawEvaluation(id: string): Promise<void> {
    await this.#queues.evaluations.remove(await this.#evaluationTicket(id)).catch(() => 0);
  }

  /** A webhook's delivery that waits for an earlier one need not wait any longer. */
  async hastenWebhook(jobId: string, event: string): Promise<void> {
    const delivery = await this.#queues.webhooks.getJob(webhookDeliveryId(jobId, event));
    // Whoever takes it in this very moment has it.
    if (await delivery?.isDelayed()) await delivery?.promote().catch(() => undefined);
  }

  /** Whether a delivery stands in the queue in any state. */
  async hasDelivery(jobId: string, run: number): Promise<boolean> {
    return (await this.#redis.exists(`${queuePrefix}:training:${await this.#ticketOf(jobId, run)}`)) === 1;
  }
  async hasEvaluation(id: string): Promise<boolean> {
    return (await this.#redis.exists(`${queuePrefix}:evaluations:${await this.#evaluationTicket(id)}`)) === 1;
  }
  async hasSweep(id: string, run: number): Promise<boolean> {
    return (await this.#redis.exists(`${queuePrefix}:sweeps:${sweepDeliveryId(id, run)}`)) === 1;
  }

  /** A job that is under way but in no queue (its queue's keys were lost) is ordered again, under the same run. */
  async reorder(jobId: string, run: number): Promise<void> {
    await this.#redis.zadd(keys.outbox, Date.now(), orders.training(jobId, run));
  }
  async reorderEvaluation(id: string): Promise<void> {
    await this.#redis.zadd(keys.outbox, Date.now(), orders.evaluations(id));
  }
  async reorderSweep(id: string, run: number): Promise<void> {
    await this.#redis.zadd(keys.outbox, Date.now(), orders.sweeps(id, run));
  }

  /** Deliveries in each queue: waiting (with delayed and prioritised ones) and active. */
  async depths(): Promise<Record<QueueName, { waiting: number; active: number }>> {
    const counted = await Promise.all(
      queueName.options.map(async (name) => {
        const counts = await this.#queues[name].getJobCounts("waiting", "prioritized", "delayed", "active");
        return [
          name,
          {
            waiting: (counts["waiting"] ?? 0) + (counts["prioritized"] ?? 0) + (counts["delayed"] ?? 0),
            active: counts["active"] ?? 0,
          },
        ] as const;
      }),
    );
    return Object.fromEntries(counted) as Record<QueueName, { waiting: number; active: number }>;
  }

  async close(): Promise<void> {
    await Promise.allSettled(Object.values(this.#queues).map((queue) => queue.close()));
  }
}
