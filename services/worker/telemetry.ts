/**
 * GET /metrics of a worker for Prometheus: its process, and what it does. On a port of its own, where one is set: a
 * worker answers nothing else.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { problemCodes } from "../../schemas/problem.ts";
import { queueName, type QueueName } from "../../schemas/queue.ts";
import { requireAuth, type Config } from "../shared/config.ts";
import type { Logger } from "../shared/log.ts";
import { digestOfKey, isOver, type Records } from "../shared/records/index.ts";
import { CannotStart, exitCodes } from "../shared/start.ts";

const checkpointBuckets = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
/** Readers at once, and how long one may take: a scrape is small. */
const mostConnections = 16;
const requestMs = 5000;

export interface ServeOptions {
  config: Config;
  keys: Records["keys"];
  log: Logger;
}

/** Whether who sends this Authorization may read: by the rule of the api's /metrics. */
async function admits(authorization: string, { config, keys }: ServeOptions): Promise<boolean> {
  if (config.metricsOpen || requireAuth(config) === "none") return true;
  const key = /^Bearer +(\S+)$/i.exec(authorization.trim())?.[1];
  const found = key === undefined ? null : await keys.findByDigest(digestOfKey(key));
  return found !== null && !isOver(found.expiresAt);
}

/** Answers in the form of the api's problems. */
function refuse(
  response: ServerResponse,
  code: "unauthorized" | "not-found" | "redis-unavailable",
  detail: string,
): void {
  const [status, title] = problemCodes[code];
  if (code === "unauthorized") response.setHeader("www-authenticate", 'Bearer realm="feature-maps"');
  response.writeHead(status, { "content-type": "application/problem+json" });
  response.end(JSON.stringify({ type: `/problems/${code}`, title, status, detail, code }));
}

export class WorkerTelemetry {
  readonly #registry = new Registry();
  readonly #checkpoints: Histogram;
  readonly #written: Counter;
  readonly #deliveries: Gauge<"queue">;
  #server: Server | null = null;

  /** `sessions`: asked at each reading. `slots`: jobs at most. */
  constructor(sessions: { jobs: readonly string[]; samplesPerSecond: number }, slots: number) {
    const registers = [this.#registry];
    const read = (name: string, help: string, figure: () => number): Gauge =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(figure());
        },
      });
    read("worker_jobs", "Jobs that it trains", () => sessions.jobs.length);
    read("worker_job_slots", "Jobs that it trains at most", () => slots);
    read("worker_samples_per_second", "Samples a second of all its trainings", () => sessions.samplesPerSecond);
    this.#deliveries = new Gauge({
      name: "worker_deliveries",
      help: "Deliveries that it works on",
      labelNames: ["queue"],
      registers,
    });
    for (const queue of queueName.options) this.#deliveries.set({ queue }, 0);
    this.#checkpoints = new Histogram({
      name: "worker_checkpoint_seconds",
      help: "Time from a checkpoint's making until it is recorded",
      buckets: checkpointBuckets,
      registers,
    });
    this.#written = new Counter({ name: "worker_checkpoint_bytes_total", help: "Bytes of checkpoints", registers });
  }

  checkpoint(seconds: number, bytes: number): void {
    this.#checkpoints.observe(seconds);
    this.#written.inc(bytes);
  }

  /** Counts it while it lasts. */
  async during<Result>(queue: QueueName, doing: () => Promise<Result>): Promise<Result> {
    this.#deliveries.inc({ queue });
    try {
      return await doing();
    } finally {
      this.#deliveries.dec({ queue });
    }
  }

  /** Answers from here on, where a port is set. Throws CannotStart where it cannot. */
  async serve(options: ServeOptions): Promise<void> {
    const { config, log } = options;
    const { metricsPort } = config.worker;
    if (metricsPort === null) return;
    requireAuth(config);
    collectDefaultMetrics({ register: this.#registry });
    const server = createServer({ requestTimeout: requestMs, headersTimeout: requestMs }, (request, response) => {
      this.#answer(request, response, options).catch(() => {
        if (response.headersSent) response.destroy();
        else refuse(response, "redis-unavailable", "whether you may read this cannot be told now; try again");
      });
    });
    server.maxConnections = mostConnections;
    this.#server = server;
    server.listen(metricsPort, config.host);
    await once(server, "listening").catch((error: unknown) => {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new CannotStart(
        `WORKER_METRICS_PORT: the worker cannot listen on ${metricsPort} of ${config.host} (${message}); choose another, or 0 for a free one`,
        code === "EADDRINUSE" ? exitCodes.portTaken : exitCodes.misconfigured,
      );
    });
    log.info({ port: (server.address() as AddressInfo).port }, "the worker answers /metrics");
  }

  async #answer(request: IncomingMessage, response: ServerResponse, options: ServeOptions): Promise<void> {
    request.resume();
    const path = new URL(request.url ?? "/", "http://worker").pathname;
    if (path !== "/metrics" || (request.method !== "GET" && request.method !== "HEAD"))
      return refuse(response, "not-found", "a worker answers GET /metrics and nothing else");
    if (!(await admits(request.headers.authorization ?? "", options)))
      return refuse(response, "unauthorized", "this worker asks for a key: send Authorization: Bearer fm_…");
    const text = await this.#registry.metrics();
    response.writeHead(200, { "content-type": this.#registry.contentType, "x-content-type-options": "nosniff" });
    response.end(request.method === "HEAD" ? undefined : text);
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    this.#registry.clear();
  }
}
