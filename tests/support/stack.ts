/**
 * The service as black box: a real Redis, api and worker as processes from dist/, on free ports and in a temporary
 * folder.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Client } from "../../client/index.ts";
import { startTestRedis, type TestRedis } from "./redis.ts";

const dist = fileURLToPath(new URL("../../dist/", import.meta.url));
/** For what hangs: a machine with other work may need many times what it needs alone. */
const patienceMs = 240_000;

export interface Service {
  process: ChildProcess;
  /** Everything it wrote to stderr, a line each. */
  lines: string[];
  /** The same of stdout. */
  told: string[];
  /** Ends it and waits for that. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

export function run(file: string, environment: Record<string, string>): Service {
  const child = spawn(process.execPath, [join(dist, file)], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
  const told: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => told.push(line));
  return {
    process: child,
    lines,
    told,
    end: async (signal = "SIGTERM") => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill(signal);
      const ended = await Promise.race([exited.then(() => true), sleep(120_000, false, { ref: false })]);
      if (!ended) child.kill("SIGKILL");
      await exited;
    },
  };
}

export interface Api extends Service {
  url: string;
}

/** What the service answered: `body` is parsed where it is JSON. */
export interface Answer {
  status: number;
  headers: Headers;
  // What a route answers is what the test is about; each test says what it expects of it.
  // eslint-disable-next-line typescript/no-explicit-any
  body: any;
  bytes: Uint8Array;
}

export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON; a form as multipart; bytes and text as they are. */
  body?: unknown;
}

type Sendable = NonNullable<NonNullable<Parameters<typeof fetch>[1]>["body"]>;

/** Asked again while the service says that it is overloaded: it took nothing, and the machine may have other work. */
export const ask = (base: string, path: string, how?: Ask): Promise<Answer> =>
  until(
    () => askOnce(base, path, how),
    ({ status, body }) => status !== 503 || body.code !== "overloaded",
    `an answer to ${path}`,
  );

async function askOnce(base: string, path: string, { method, headers = {}, body }: Ask = {}): Promise<Answer> {
  const plain =
    body instanceof Uint8Array || typeof body === "string" || body instanceof FormData || body === undefined;
  const answer = await fetch(`${base}${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...(plain ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: plain ? (body as Sendable) : JSON.stringify(body) }),
  });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const isJson = (answer.headers.get("content-type") ?? "").includes("json");
  return {
    status: answer.status,
    headers: answer.headers,
    bytes,
    body:
      isJson && bytes.length > 0
        ? JSON.parse(Buffer.from(bytes).toString("utf8"))
        : Buffer.from(bytes).toString("utf8"),
  };
}

/** Asks again until the condition holds. */
export async function until<Value>(
  look: () => Promise<Value>,
  holds: (value: Value) => boolean,
  what: string,
  patience = patienceMs,
): Promise<Value> {
  const end = Date.now() + patience;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > end)
      throw new Error(
        `waited ${patience / 1000} s for ${what}; at last there was ${JSON.stringify(value)?.slice(0, 2000)}`,
      );
    await sleep(50);
  }
}

export interface Stack {
  redis: TestRedis;
  api: Api;
  workers: Service[];
  environment: Record<string, string>;
  /** For what a test needs and is not about; what it is about it asks by `ask`, byte by byte. */
  client: Client;
  ask: (path: string, how?: Ask) => Promise<Answer>;
  /** A further api over the same Redis and storage. */
  startApi: (environment?: Record<string, string>) => Promise<Api>;
  startWorker: (environment?: Record<string, string>) => Service;
  /** Waits until the job has ended; answers it. */
  ended: (jobId: string, patience?: number) => Promise<Answer["body"]>;
  /** Ends everything and leaves nothing behind. */
  stop(): Promise<void>;
}

async function startApi(environment: Record<string, string>): Promise<Api> {
  const service = run("services/api/main.js", { PORT: "0", ...environment });
  const { stdout } = service.process;
  if (!stdout) throw new Error("the api has no stdout");
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).on("line", (line) => {
      const url = /^listening on (http:\S+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
    service.process.once("exit", (code) =>
      reject(new Error(`the api ended with ${code}: ${service.lines.join("\n")}`)),
    );
  });
  return { ...service, url: await ready };
}

async function ended(client: Client, jobId: string, patience = patienceMs): Promise<Answer["body"]> {
  const signal = AbortSignal.timeout(patience);
  try {
    return await client.jobs.wait(jobId, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    const job = await client.jobs.get(jobId);
    const { status, progress, attempts } = job;
    if (job.terminal) return job;
    throw new Error(
      `waited ${patience / 1000} s for the end of ${jobId}; at last there was ${JSON.stringify({ status, progress, attempts })}`,
      { cause: error },
    );
  }
}

/** `workers`: how many; with none, jobs stay queued. `before`: what is done to its Redis and folder first. */
export async function startStack({
  workers = 1,
  environment: extra = {},
  before,
}: {
  workers?: number;
  environment?: Record<string, string>;
  before?: (redis: TestRedis) => Promise<void>;
} = {}): Promise<Stack> {
  const redis = await startTestRedis();
  await before?.(redis);
  const environment: Record<string, string> = {
    REDIS_URL: redis.url,
    DATA_DIR: redis.dir,
    STORAGE_URL: pathToFileURL(join(redis.dir, "storage")).href,
    LOG_LEVEL: "info",
    WORKER_THREADS: "2",
    ...extra,
  };
  const api = await startApi(environment);
  const apis: Api[] = [api];
  const started: Service[] = [];
  const stack: Stack = {
    redis,
    api,
    workers: started,
    environment,
    client: new Client(api.url),
    ask: (path, how) => ask(api.url, path, how),
    startApi: async (more = {}) => {
      const another = await startApi({ ...environment, ...more });
      apis.push(another);
      return another;
    },
    startWorker: (more = {}) => {
      const worker = run("services/worker/main.js", { ...environment, ...more });
      started.push(worker);
      return worker;
    },
    ended: (jobId, patience) => ended(stack.client, jobId, patience),
    stop: async () => {
      await Promise.all([...started, ...apis].map((service) => service.end()));
      await redis.stop();
    },
  };
  for (let number = 0; number < workers; number++) stack.startWorker();
  return stack;
}
