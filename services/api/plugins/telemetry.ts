/** GET /metrics for Prometheus: this process, its requests, and what Redis says of queues, jobs and workers. */
import plugin from "fastify-plugin";
import { Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { z } from "zod";
import { jobStatus } from "../../../schemas/job.ts";
import type { Dependencies } from "../dependencies.ts";
import type { EventStreams } from "../http/streams.ts";
import type { App } from "../http/types.ts";

const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

function gauges(
  registry: Registry,
  { prediction }: Dependencies,
  streams: EventStreams,
): { collect: (dependencies: Dependencies) => Promise<void> } {
  const registers = [registry];
  const jobs = new Gauge({ name: "jobs", help: "Jobs by status", labelNames: ["status"], registers });
  const deliveries = new Gauge({
    name: "queue_deliveries",
    help: "Deliveries in each queue",
    labelNames: ["queue", "state"],
    registers,
  });
  const workers = new Gauge({ name: "workers", help: "Workers seen in the last seconds", registers });
  const slots = new Gauge({ name: "worker_slots", help: "Slots of all workers", labelNames: ["state"], registers });
  const redisUp = new Gauge({ name: "redis_up", help: "1 where Redis answers", registers });
  new Gauge({
    name: "event_streams_open",
    help: "Open event streams",
    registers,
    collect() {
      this.set(streams.open);
    },
  });
  new Gauge({
    name: "predictions_waiting",
    help: "Computations that wait or run",
    registers,
    collect() {
      this.set(prediction.load.waiting);
    },
  });
  new Gauge({
    name: "prediction_batches",
    help: "Batches predicted since the start",
    registers,
    collect() {
      this.set(prediction.load.batches);
    },
  });
  new Gauge({
    name: "prediction_threads_started",
    help: "Prediction threads started, dead ones replaced",
    registers,
    collect() {
      this.set(prediction.load.threadsStarted);
    },
  });
  return {
    collect: async ({ records, queues }) => {
      try {
        const [counts, depths, seen] = await Promise.all([
          records.jobs.counts(jobStatus.options),
          queues.depths(),
          records.workers.list(),
        ]);
        for (const [status, count] of Object.entries(counts)) jobs.set({ status }, count);
        for (const [queue, { waiting, active }] of Object.entries(depths)) {
          deliveries.set({ queue, state: "waiting" }, waiting);
          deliveries.set({ queue, state: "active" }, active);
        }
        workers.set(seen.length);
        slots.set(
          { state: "busy" },
          seen.reduce((sum, { jobs: busy }) => sum + busy.length, 0),
        );
        slots.set(
          { state: "all" },
          seen.reduce((sum, worker) => sum + worker.slots, 0),
        );
        redisUp.set(1);
      } catch {
        redisUp.set(0);
      }
    },
  };
}

export const telemetry = plugin(
  async (app: App, { dependencies, streams }: { dependencies: Dependencies; streams: EventStreams }) => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const seconds = new Histogram({
      name: "http_request_duration_seconds",
      help: "Time to answer",
      labelNames: ["method", "route", "status"],
      buckets,
      registers: [registry],
    });
    const world = gauges(registry, dependencies, streams);
    app.addHook("onResponse", async (request, reply) => {
      seconds.observe(
        { method: request.method, route: request.routeOptions.url ?? "(none)", status: reply.statusCode },
        reply.elapsedTime / 1000,
      );
    });
    app.addHook("onClose", async () => registry.clear());
    app.get(
      "/metrics",
      {
        schema: {
          tags: ["process"],
          summary: "Telemetry for Prometheus",
          response: {
            200: { description: "Prometheus text format", content: { "text/plain": { schema: z.string() } } },
          },
        },
      },
      async (_request, reply) => {
        await world.collect(dependencies);
        return reply.type(registry.contentType).send(await registry.metrics());
      },
    );
  },
);
