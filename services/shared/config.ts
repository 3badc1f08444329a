/**
 * The configuration: the environment, parsed once at the start of a process and handed on as an argument.
 * docs/OPERATIONS.md has the table.
 */
import { availableParallelism, totalmem } from "node:os";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { keyText } from "../../schemas/access.ts";
import { datasetLimits, wholeNumber } from "./dataset-limits.ts";
import type { DatasetLimits, LimitName } from "./dataset-limits.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { CannotStart } from "./start.ts";

const flag = z.enum(["true", "false"], "expected true or false").transform((value) => value === "true");

const redisUrl = z.string().superRefine((url, context) => {
  try {
    parseRedisUrl(url);
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
  }
});
const storageUrl = z
  .string()
  .regex(/^(file:\/\/\/.+|s3:\/\/[^/?]+.*)$/, "expected file:///folder or s3://bucket/prefix?endpoint=…&region=…");

const listed = (text: string): string[] =>
  text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");

/** Names, each perhaps with a leading dot for all that end so; `*` for any. */
const hostNames = z
  .string()
  .regex(
    /^\s*(\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)(\s*,\s*\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)*\s*$/,
    "expected names joined by commas, as in maps.example.org,.internal; or * for any",
  )
  .transform((text) => listed(text).map((each) => each.toLowerCase()));

/** Whose X-Forwarded-* headers are believed: nobody's, everybody's, or those of these addresses. */
const proxies = z
  .string()
  .regex(
    /^\s*(true|false|[0-9a-fA-F.:/]+(\s*,\s*[0-9a-fA-F.:/]+)*|loopback|linklocal|uniquelocal)\s*$/,
    "expected true, false, or the addresses of your proxies joined by commas, as in 10.0.0.0/8,127.0.0.1",
  )
  .transform((text) => {
    const word = text.trim();
    return word === "true" || word === "false" ? word === "true" : listed(word);
  });

/** Origins as browsers send them, each with its scheme; `*` for any. */
const origins = z
  .string()
  .regex(
    /^\s*(\*|https?:\/\/[A-Za-z0-9.:[\]-]+(\s*,\s*https?:\/\/[A-Za-z0-9.:[\]-]+)*)\s*$/,
    "expected origins joined by commas, as in https://maps.example.org,http://localhost:5173; or * for any",
  )
  .transform((text) => listed(text).map((each) => each.toLowerCase()));

/** Every process of an api needs so much of what is for all of them together, in MiB. */
const leastShares = { BODY_MEMORY_MIB: 64, PREDICTION_CACHE_MIB: 16 } as const;

/** Every variable we read, its form and its default. */
export const environmentSchema = z.object({
  PORT: wholeNumber(0, 65_535).default(3000),
  HOST: z.string().min(1).default("127.0.0.1"),
  API_PROCESSES: wholeNumber(1, 64).default(1),
  DATA_DIR: z.string().min(1).default("./data"),
  REDIS_URL: redisUrl.optional(),
  STORAGE_URL: storageUrl.optional(),
  KERNELS: z
    .string()
    .regex(
      /^(auto|native|assembly|reference)(-[a-z0-9-]+)?$/,
      "expected auto, native, assembly or reference; an instruction-set level may follow, as in native-x86-64-v3",
    )
    .default("auto"),
  LOG_LEVEL: z
    .enum(
      ["fatal", "error", "warn", "info", "debug", "trace", "silent"],
      "expected fatal, error, warn, info, debug, trace or silent",
    )
    .default("info"),
  WORKER_SLOTS: wholeNumber(1, 64).default(1),
  WORKER_CHECKS: wholeNumber(1, 64).default(2),
  WORKER_THREADS: wholeNumber(1, 64).default(Math.min(64, availableParallelism())),
  WORKER_MEMORY_MIB: wholeNumber(64, 16_777_216).optional(),
  WORKER_CRASH_BUDGET: wholeNumber(1, 1000).default(3),
  WORKER_DRAIN_SECONDS: wholeNumber(1, 3600).default(30),
  WORKER_METRICS_PORT: wholeNumber(0, 65_535).optional(),
  WEBHOOK_ALLOW_PRIVATE: flag.default(false),
  AUTH: z.enum(["none", "keys"], "expected none or keys").optional(),
  ADMIN_KEY: keyText.optional(),
  METRICS_OPEN: flag.default(false),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({
      protocol: /^https?$/,
      error: "expected the http or https address of a collector, as in http://127.0.0.1:4318",
    })
    .optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z.string().min(1).optional(),
  CORS_ORIGINS: origins.default([]),
  PUBLISH: z.string().min(1).optional(),
  RATE_LIMIT: wholeNumber(1, 1_000_000).optional(),
  ALLOWED_HOSTS: hostNames.default([]),
  TRUST_PROXY: proxies.default(false),
  BODY_MEMORY_MIB: wholeNumber(leastShares.BODY_MEMORY_MIB, 65_536).default(512),
  BODY_STALL_SECONDS: wholeNumber(2, 3600).default(15),
  PREDICTION_CACHE_MIB: wholeNumber(leastShares.PREDICTION_CACHE_MIB, 65_536).default(256),
  PREDICTION_THREADS: wholeNumber(1, 64).default(Math.min(4, availableParallelism())),
  ...datasetLimits.shape,
});

type Environment = z.infer<typeof environmentSchema>;

export interface Config {
  port: number;
  host: string;
  /** Processes that share the port. */
  apiProcesses: number;
  /** Absolute. */
  dataDir: string;
  /** null: the stack provides a Redis of its own. */
  redisUrl: string | null;
  storageUrl: string;
  kernels: string;
  logLevel: Environment["LOG_LEVEL"];
  worker: {
    slots: number;
    checks: number;
    threads: number;
    /** That one job may take. */
    memoryBytes: number;
    crashBudget: number;
    drainSeconds: number;
    /** Where it answers /metrics; null: nowhere. */
    metricsPort: number | null;
  };
  webhooks: { allowPrivate: boolean };
  /** Who may use the service: everybody, or who has a key; null: nobody said, and others can reach it. */
  auth: "none" | "keys" | null;
  /** Whether `none` was asked for in words. */
  authWritten: boolean;
  /** The first key, of the operator. */
  adminKey: string | null;
  /** Where traces are sent; null: there are none. */
  tracesTo: string | null;
  /** Whether /metrics is answered without a key. */
  metricsOpen: boolean;
  /** Origins whose pages may read and write; their browsers ask. */
  corsOrigins: string[];
  /** Requests a minute that one address may make; null: any number. */
  rateLimit: number | null;
  /** Names besides the loopback's and HOST under which the api may be called. */
  allowedHosts: string[];
  /** As Fastify takes it. */
  trustProxy: boolean | string[];
  bodies: {
    /** Bodies of all requests together, held in memory. */
    memoryBytes: number;
    /** A body that brings next to nothing for so long is refused. */
    stallSeconds: number;
  };
  /** Shared memories of models that stay loaded for predictions. */
  predictionCacheBytes: number;
  /** Threads that predict. */
  predictionThreads: number;
  datasets: DatasetLimits;
}

const mebibyte = 1024 * 1024;

/** What trainings may take where nobody said: three quarters of what the machine, or the container, has. */
function usualMemoryMib(): number {
  const allowed = process.constrainedMemory();
  const all = allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
  return Math.floor((all * 3) / 4 / mebibyte);
}

/** Reached from this machine alone. */
const isLoopback = (host: string): boolean =>
  host === "localhost" || host.endsWith(".localhost") || /^(::ffff:)?127(\.\d+){3}$|^::1$/.test(host);

/** The address of `address:port`; a port alone is published everywhere. */
const hostOf = (published: string): string => /^\[?(.*?)\]?:[^:]*$/.exec(published)?.[1] ?? "";

/** Addresses that may carry a password: a mistyped one is not repeated where others read. */
const secretive = new Set(["REDIS_URL", "STORAGE_URL", "ADMIN_KEY", "OTEL_EXPORTER_OTLP_HEADERS"]);

/** The environment asks for something that cannot be. `message` has a line for each variable at fault. */
export class ConfigError extends CannotStart {
  override name = "ConfigError";
}

const ours =
  /^(API_PROCESS|(REDIS|STORAGE|WORKER|WEBHOOK|KERNELS|PREDICTION|RATE|BODY|ALLOWED|TRUST|CORS)_|(MAX|MIN)_(UPLOAD|DATASET|ENTR|PIXEL|DECODED|SAMPLE|CLASS|LINE|CHECK|FREE))/;
/**
 * What docker-compose.yml asks for, and what Kubernetes and Docker links put into every container for a service called
 * redis or worker.
 */
const injected = /^REDIS_PASSWORD$|_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_(TCP|UDP).*)?)$/;

function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.keys(environmentSchema.shape);
  return Object.keys(environment)
    .filter((name) => ours.test(name) && !known.includes(name) && !injected.test(name))
    .map(
      (name) =>
        `${name}: there is no such setting; known are ${known.filter((each) => each.split("_")[0] === name.split("_")[0]).join(", ") || known.join(", ")}`,
    );
}

const tooSmallShares = ({ API_PROCESSES: processes, ...given }: Environment): string[] =>
  Object.entries(leastShares).flatMap(([name, least]) => {
    const all = given[name as keyof typeof leastShares];
    return all >= processes * least
      ? []
      : [
          `${name}=${all}: is shared by API_PROCESSES=${processes}; expected at least ${processes * least}, ${least} each`,
        ];
  });

/**
 * Parses the environment. Empty values count as unset. Throws ConfigError that names every variable at fault and what
 * would be right.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name in environmentSchema.shape && value !== ""),
  );
  const parsed = environmentSchema.safeParse(given);
  const faults = unknownVariables(environment);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0]);
      faults.push(`${name}${secretive.has(name) ? "" : `=${given[name]}`}: ${issue.message}`);
    }
  } else faults.push(...tooSmallShares(parsed.data));
  if (!parsed.success || faults.length > 0)
    throw new ConfigError(`The configuration cannot be used.\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
  const read = parsed.data;
  const dataDir = isAbsolute(read.DATA_DIR) ? read.DATA_DIR : resolve(read.DATA_DIR);
  return {
    port: read.PORT,
    host: read.HOST,
    apiProcesses: read.API_PROCESSES,
    dataDir,
    redisUrl: read.REDIS_URL ?? null,
    storageUrl: read.STORAGE_URL ?? pathToFileURL(resolve(dataDir, "storage")).href,
    kernels: read.KERNELS,
    logLevel: read.LOG_LEVEL,
    worker: {
      slots: read.WORKER_SLOTS,
      checks: read.WORKER_CHECKS,
      threads: read.WORKER_THREADS,
      memoryBytes: Math.floor(((read.WORKER_MEMORY_MIB ?? usualMemoryMib()) * mebibyte) / read.WORKER_SLOTS),
      crashBudget: read.WORKER_CRASH_BUDGET,
      drainSeconds: read.WORKER_DRAIN_SECONDS,
      metricsPort: read.WORKER_METRICS_PORT ?? null,
    },
    webhooks: { allowPrivate: read.WEBHOOK_ALLOW_PRIVATE },
    auth: read.AUTH ?? (isLoopback(read.PUBLISH === undefined ? read.HOST : hostOf(read.PUBLISH)) ? "none" : null),
    authWritten: read.AUTH !== undefined,
    adminKey: read.ADMIN_KEY ?? null,
    tracesTo: read.OTEL_EXPORTER_OTLP_ENDPOINT ?? null,
    metricsOpen: read.METRICS_OPEN,
    corsOrigins: read.CORS_ORIGINS,
    rateLimit: read.RATE_LIMIT ?? null,
    allowedHosts: read.ALLOWED_HOSTS,
    trustProxy: read.TRUST_PROXY,
    bodies: { memoryBytes: read.BODY_MEMORY_MIB * mebibyte, stallSeconds: read.BODY_STALL_SECONDS },
    predictionCacheBytes: read.PREDICTION_CACHE_MIB * mebibyte,
    predictionThreads: read.PREDICTION_THREADS,
    datasets: Object.fromEntries(
      Object.keys(datasetLimits.shape).map((name) => [name, read[name as LimitName]]),
    ) as DatasetLimits,
  };
}

/** Throws ConfigError where others could reach the service and nobody said whether they may use it. */
export function requireAuth({ auth, host }: Config): "none" | "keys" {
  if (auth !== null) return auth;
  throw new ConfigError(
    `HOST: at ${host} others reach the service: set AUTH=keys, with ADMIN_KEY=fm_… for the first key, or AUTH=none to let everybody use it who reaches the port`,
  );
}
