/** The whole system on one machine in one command: Redis, api and worker, with one data folder. */
import { mkdir, realpath } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import closeWithGrace from "close-with-grace";
import { apiNodeArguments } from "../shared/api-heap.ts";
import { built } from "../shared/built.ts";
import { readConfig, requireAuth } from "../shared/config.ts";
import type { Config } from "../shared/config.ts";
import { endWithParent } from "../shared/lifeline.ts";
import { keepToOwner, ownFolder } from "../shared/ownership.ts";
import { createLog } from "../shared/log.ts";
import { CannotStart, endUnstarted, exitCodes } from "../shared/start.ts";
import { lockFolder } from "./lock.ts";
import { provideRedis } from "./redis.ts";
import { Reserve } from "./reserve.ts";
import { Service } from "./service.ts";

const entryOf = (name: string): URL => built(`services/${name}/main.js`);
const apiMs = 30_000;

/** The data folder, ours alone from here on, by its one true name. Throws CannotStart where it cannot be used. */
async function takeFolder(config: Config): Promise<{ dataDir: string; unlock: () => Promise<void> }> {
  try {
    await mkdir(config.dataDir, { recursive: true });
    const dataDir = await realpath(config.dataDir);
    if (config.storageUrl.startsWith("file:")) await ownFolder(fileURLToPath(config.storageUrl));
    return { dataDir, unlock: await lockFolder(dataDir) };
  } catch (error) {
    if (error instanceof CannotStart || !(error instanceof Error)) throw error;
    throw new CannotStart(
      `DATA_DIR: ${config.dataDir} cannot be used (${error.message}); choose a folder that this user may write to`,
      exitCodes.misconfigured,
      error,
    );
  }
}

async function start(config: Config): Promise<void> {
  endWithParent();
  keepToOwner();
  requireAuth(config);
  const log = createLog({ level: config.logLevel, service: "stack" });
  const { dataDir, unlock } = await takeFolder(config);
  if (config.redisUrl === null) process.stderr.write("Redis: starting one …\n");
  const redis = config.redisUrl === null ? await provideRedis({ dataDir, log }) : null;
  const reserve = redis ? new Reserve({ folder: join(dataDir, "redis"), log }) : null;
  reserve?.start();
  process.stderr.write(`Redis: ${redis?.description ?? "the one at REDIS_URL"}\n`);
  let port = String(config.port);
  const environment = (): Record<string, string | undefined> => ({
    ...process.env,
    DATA_DIR: dataDir,
    REDIS_URL: redis?.url ?? config.redisUrl ?? "",
    PORT: port,
  });
  let code = 0;
  const useless = (name: string, exitCode: number | null): void => {
    process.stderr.write(`The ${name} could not be started; what it said stands above.\n`);
    code = exitCode ?? 1;
    ending.close();
  };
  const worker = new Service({ name: "worker", entry: entryOf("worker"), environment, log, onUseless: useless });
  const api = new Service({
    name: "api",
    entry: entryOf("api"),
    nodeArguments: apiNodeArguments,
    environment,
    log,
    onUseless: useless,
    onLine: (line) => {
      const at = /^listening on http:\/\/.*:(\d+)$/.exec(line);
      // Started again, it takes the same port.
      if (at?.[1] !== undefined && port === "0") port = at[1];
      process.stdout.write(`${line}\n`);
    },
  });
  const ending = closeWithGrace(
    {
      delay: apiMs + (config.worker.drainSeconds + 10) * 1000,
      logger: { error: (error: unknown) => log.error({ err: error }, "the stack ends after a failure") },
    },
    async ({ err }) => {
      if (err) log.error({ err }, "the stack ends after a failure");
      await Promise.all([api.stop(apiMs), worker.stop((config.worker.drainSeconds + 6) * 1000)]);
      await reserve?.stop();
      await redis?.stop();
      await unlock();
      process.exitCode = code;
      if (code !== 0) process.exit(code);
    },
  );
  process.stderr.write("api and worker: starting …\n");
  worker.start();
  api.start();
}

try {
  await start(readConfig(process.env));
} catch (error) {
  endUnstarted(error);
}
