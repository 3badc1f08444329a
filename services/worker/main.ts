/** The process of a worker: reads the configuration, starts, and on SIGTERM hands its jobs over. */
import closeWithGrace from "close-with-grace";
import { ConfigError, readConfig } from "../shared/config.ts";
import type { Config } from "../shared/config.ts";
import { endWithParent } from "../shared/lifeline.ts";
import { keepToOwner } from "../shared/ownership.ts";
import { createLog } from "../shared/log.ts";
import { startTracing } from "../shared/tracing/index.ts";
import { endUnstarted } from "../shared/start.ts";
import { RunningWorker } from "./worker.ts";

async function start(config: Config): Promise<void> {
  endWithParent();
  keepToOwner();
  const { redisUrl } = config;
  if (redisUrl === null)
    throw new ConfigError(
      "REDIS_URL: a worker alone needs a Redis, as in redis://127.0.0.1:6379; `npm start` brings its own",
    );
  const log = createLog({ level: config.logLevel, service: "worker" });
  const tracing = await startTracing({ service: "worker", endpoint: config.tracesTo });
  const worker = new RunningWorker({ config, redisUrl, tracing, log });
  closeWithGrace(
    {
      delay: (config.worker.drainSeconds + 5) * 1000,
      logger: { error: (error: unknown) => log.error({ err: error }, "the worker ends after a failure") },
    },
    async ({ err, signal }) => {
      if (err) log.error({ err }, "the worker ends after a failure");
      else log.info({ signal }, "the worker ends; its jobs are handed over");
      await worker.drain();
      await tracing.close();
    },
  );
  await worker.started;
  log.info({ worker: worker.name, slots: config.worker.slots, threads: config.worker.threads }, "the worker is ready");
}

try {
  await start(readConfig(process.env));
} catch (error) {
  endUnstarted(error);
}
