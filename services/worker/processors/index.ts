/** One processor for each queue; a queue without one, or one without a queue, does not compile. */
import { Worker } from "bullmq";
import type { Job as Delivery } from "bullmq";
import type { QueueName, QueuePayload } from "../../../schemas/queue.ts";
import { queuePrefix } from "../../shared/redis-keys.ts";
import type { Logger } from "../../shared/log.ts";
import { deliveryTimes } from "../../shared/queues.ts";
import type { Tracing } from "../../shared/tracing/index.ts";
import type { Redis } from "../../shared/redis.ts";
import type { WorkerTelemetry } from "../telemetry.ts";
import { backOffMs } from "../training/back-off.ts";

export type Processors = {
  [Name in QueueName]: {
    /** Deliveries at once. */
    concurrency: number;
    process(delivery: Delivery<QueuePayload<Name>>, token: string | undefined): Promise<void>;
  };
};

/** What a delivery was made for, as lines of the log have it. */
const namedBy = (data: object = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).flatMap(([name, id]) => (name.endsWith("Id") ? [[name.slice(0, -2), id]] : [])),
  );

/** Starts taking deliveries. A processor that throws is asked again by BullMQ, after a while. */
export function startProcessors(
  processors: Processors,
  options: {
    redis: Redis;
    name: string;
    tracing: Pick<Tracing, "queues">;
    telemetry: Pick<WorkerTelemetry, "during">;
    log: Logger;
  },
): Worker[] {
  const start = <Name extends QueueName>(name: Name): Worker => {
    const { concurrency } = processors[name];
    const log = options.log.child({ queue: name });
    const worker = new Worker<QueuePayload<Name>, void>(
      name,
      (delivery, token) => options.telemetry.during(name, () => processors[name].process(delivery, token)),
      {
        ...deliveryTimes,
        connection: options.redis,
        prefix: queuePrefix,
        ...(options.tracing.queues ? { telemetry: options.tracing.queues } : {}),
        name: options.name,
        concurrency,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
        settings: { backoffStrategy: (tries: number) => backOffMs(tries) },
      },
    );
    worker.on("error", (error) => log.debug({ err: error }, "a queue's connection failed"));
    worker.on("failed", (delivery, error) =>
      log.info(
        { delivery: delivery?.id, ...namedBy(delivery?.data), reason: error.message },
        "a delivery did not succeed",
      ),
    );
    return worker;
  };
  return (Object.keys(processors) as QueueName[]).map(start);
}
