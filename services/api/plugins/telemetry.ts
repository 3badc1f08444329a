/**
 * GET /metrics for Prometheus: the processes of this api, their requests, and what Redis says of queues, jobs and
 * workers. What Redis says is the same for every process: it has a registry of its own, which is never added up.
 */
import plugin from "fastify-plugin";
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { z } from "zod";
import { jobStatus } from "../../../schemas/job.ts";
import type { Dependencies } from "../dependencies.ts";
import type { EventStreams } from "../http/streams.ts";
import type { App } from "../http/types.ts";

const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What this process knows of itself, read at each scrape. Those of several processes are added up. */
function ownFigures(registry: Registry, { prediction }: Dependencies, streams: EventStreams): void {
  const registers = [registry];
  const gauges: Record<string, { help: string; read: () => number }> = {
    event_streams_open: { help: "Open event streams", read: () => streams.open },
    predictions_waiting: { help: "Computations that wait or run", read: () => prediction.load.waiting },
  };
  for (const [name, { help, read }] of Object.entries(gauges)) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }
  const counters: Record<string, { help: string; read: () => number }> = {
    prediction_batches: { help: "Batches predicted since the start", read: () => prediction.load.batches },
    prediction_threads_started: {
      help: "Prediction threads started, dead ones replaced",
      read: () => prediction.load.threadsStarted,
    },
  };
  for (const [name, { help, read }] of Object.entries(counters)) {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
}

/** What Redis says, the same from every api: answers the function that asks it. */
function sharedGauges(registry: Registry, { allRecords: records, queues }: Dependencies): () => Promise<void> {
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
  return async () => {
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
      const busy = seen.reduce((sum, worker) => sum + worker.jobs.length, 0);
      const all = seen.reduce((sum, worker) => sum + worker.slots, 0);
      workers.set(seen.length);
      slots.set({ state: "busy" }, busy);
      slots.set({ state: "all" }, all);
      redisUp.set(1);
    } catch {
      redisUp.set(0);
    }
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
    ownFigures(registry, dependencies, streams);
    const shared = new Registry();
    const askRedis = sharedGauges(shared, dependencies);
    const { siblings } = dependencies;
    siblings?.countWith(() => registry.getMetricsAsJSON());
    type Place = Histogram.Internal<"method" | "route" | "status">;
    /** The places of a route's answers in the histogram, by method and status, found once; what is no route has one. */
    const places = new WeakMap<object, Map<string, Map<number, Place>>>();
    app.addHook("onResponse", (request, reply, done) => {
      const { method } = request;
      const { config, url: route = "(none)" } = request.routeOptions;
      const status = reply.statusCode;
      let ofRoute = places.get(config);
      if (!ofRoute) places.set(config, (ofRoute = new Map()));
      let ofMethod = ofRoute.get(method);
      if (!ofMethod) ofRoute.set(method, (ofMethod = new Map()));
      let place = ofMethod.get(status);
      if (!place) ofMethod.set(status, (place = seconds.labels({ method, route, status })));
      place.observe(reply.elapsedTime / 1000);
      done();
    });
    app.addHook("onClose", async () => {
      await siblings?.leave();
      registry.clear();
      shared.clear();
    });
    app.get(
      "/metrics",
      {
        config: { access: dependencies.config.metricsOpen ? "open" : "read" },
        schema: {
          tags: ["process"],
          summary: "Telemetry for Prometheus",
          response: {
            200: { description: "Prometheus text format", content: { "text/plain": { schema: z.string() } } },
          },
        },
      },
      async (_request, reply) => {
        const [own] = await Promise.all([siblings ? siblings.gathered() : registry.metrics(), askRedis()]);
        return reply.type(registry.contentType).send(`${own}\n${await shared.metrics()}`);
      },
    );
  },
);
