/** A process that answers: connects, listens, and ends without dropping what it accepted. */
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import closeWithGrace from "close-with-grace";
import { Prediction } from "../prediction/index.ts";
import { registerBuiltins } from "../shared/builtins.ts";
import { ConfigError, requireAuth, type Config } from "../shared/config.ts";
import { createLog, type Logger } from "../shared/log.ts";
import { EventFeed, jobSequence, sweepSequence } from "../shared/progress/index.ts";
import { Queues } from "../shared/queues.ts";
import { createRecords, migrate, type Records } from "../shared/records/index.ts";
import { closeRedis, connectRedis, type Redis } from "../shared/redis.ts";
import { CannotStart, endUnstarted, exitCodes } from "../shared/start.ts";
import { ownVersion } from "../shared/version.ts";
import { startTracing } from "../shared/tracing/index.ts";
import { createStorage } from "../shared/storage/index.ts";
import { buildApp } from "./app.ts";
import { Keyring } from "./access/keyring.ts";
import { Mirror } from "./mirror.ts";
import { BodyReader } from "./models/reader.ts";
import { memberSignals, type Member } from "./processes/member.ts";

export const mostSecondsToEnd = 25;
/** How long the api waits for a Redis that is starting before it listens all the same. */
const builtinsMs = 5000;

/** What the operating system says of PORT and HOST, in our words. */
function refuseListening(error: unknown, { port, host }: Config): never {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "EADDRINUSE")
    throw new CannotStart(
      `PORT: ${port} on ${host} is taken by another program; choose another, or 0 for a free one`,
      exitCodes.portTaken,
    );
  if (code === "EACCES") throw new CannotStart(`PORT: this user may not listen on ${port}; choose one above 1023`);
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN")
    throw new CannotStart(`HOST: ${host} is no address of this machine; 127.0.0.1 is for it alone, 0.0.0.0 for all`);
  throw error;
}

interface Beginning {
  redis: Redis;
  records: Records;
  config: Config;
  log: Logger;
}

/** Records as this version has them, the operator's key, what is built in. Harmless to repeat. */
async function begin({ redis, records, config, log }: Beginning): Promise<void> {
  await migrate(redis);
  if (config.adminKey !== null) await records.keys.putAdmin(config.adminKey);
  await registerBuiltins({ records, log });
}

/**
 * Before the first request; where Redis is away, in the background as soon as it is there. Throws CannotStart where
 * that Redis cannot be used; `useless` hears it where it is found out too late for that.
 */
async function beginSoon(beginning: Beginning, useless: (error: CannotStart) => void): Promise<void> {
  let late = false;
  const known = (async () => {
    for (;;) {
      try {
        return await begin(beginning);
      } catch (error) {
        if (error instanceof CannotStart && !late) throw error;
        if (error instanceof CannotStart) return useless(error);
        await sleep(250, undefined, { ref: false });
      }
    }
  })();
  await Promise.race([known, sleep(builtinsMs, undefined, { ref: false })]);
  late = true;
}

/** The line that says where the api answers. */
export function sayListening({ host }: Config, port: number): void {
  process.stdout.write(`listening on http://${host.includes(":") ? `[${host}]` : host}:${port}\n`);
}

/** What of the settings for the whole api this process may take: memory and threads are divided, the rest is shared. */
const shareOf = (config: Config): Config => {
  const part = (all: number): number => Math.max(1, Math.floor(all / config.apiProcesses));
  return {
    ...config,
    bodies: { ...config.bodies, memoryBytes: part(config.bodies.memoryBytes) },
    predictionCacheBytes: part(config.predictionCacheBytes),
    predictionThreads: part(config.predictionThreads),
  };
};

/** `member`: null where the api has this process alone. */
export async function serve(whole: Config, member: Member | null): Promise<void> {
  const config = shareOf(whole);
  const { redisUrl, apiProcesses: processes } = config;
  if (redisUrl === null)
    throw new ConfigError(
      "REDIS_URL: the api alone needs a Redis, as in redis://127.0.0.1:6379; `npm start` brings its own",
    );
  const auth = requireAuth(config);
  const log = createLog({ level: config.logLevel, service: "api" });
  if (auth === "none" && config.authWritten)
    log.warn({ host: config.host }, "AUTH=none: everybody who reaches the port may use the service");
  const redis = connectRedis({ url: redisUrl, role: "answering", log });
  const subscriber = connectRedis({ url: redisUrl, role: "listening", log });
  const changes = connectRedis({ url: redisUrl, role: "listening", log });
  const mirror = new Mirror({ commands: redis, listener: changes, log });
  const records = createRecords(redis);
  const tracing = await startTracing({ service: "api", endpoint: config.tracesTo });
  const queues = new Queues({ redis, log, tracing });
  const feed = new EventFeed({ sequence: jobSequence, commands: redis, subscriber, log });
  const sweepFeed = new EventFeed({ sequence: sweepSequence, commands: redis, subscriber, log });
  const prediction = new Prediction({
    kernels: config.kernels,
    cacheBytes: config.predictionCacheBytes,
    threads: config.predictionThreads,
    processes,
    log,
  });
  const reader = new BodyReader({ processes, log });
  prediction.warm();
  const app = await buildApp({
    version: ownVersion(),
    config,
    log,
    redis,
    allRecords: records,
    keyring: new Keyring({ records, mirror, log }),
    queues,
    tracing,
    storage: createStorage(config),
    feed,
    sweepFeed,
    mirror,
    prediction,
    reader,
    siblings: member,
  });
  const ending = closeWithGrace(
    {
      delay: mostSecondsToEnd * 1000,
      skip: member ? [...memberSignals] : [],
      logger: { error: (error: unknown) => log.error({ err: error }, "the api ends after a failure") },
    },
    async ({ err, signal }) => {
      if (err) log.error({ err }, "the api ends after a failure");
      else log.info({ signal }, "the api ends");
      await app.close();
      feed.close();
      sweepFeed.close();
      mirror.close();
      await Promise.all([prediction.close(), reader.close()]);
      await queues.close();
      await tracing.close();
      await Promise.all([redis, subscriber, changes].map(closeRedis));
    },
  );
  member?.endWith(() => ending.close());
  await beginSoon({ redis, records, config, log }, endUnstarted);
  await app.listen({ port: config.port, host: config.host }).catch((error: unknown) => refuseListening(error, config));
  // Of several, the first process says it once for all.
  if (!member) sayListening(config, (app.server.address() as AddressInfo).port);
}
