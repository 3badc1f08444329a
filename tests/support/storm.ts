/** Workers, api and Redis are killed at random, one after another, and replaced. */
import { setTimeout as sleep } from "node:timers/promises";
import { until, type Api, type Service } from "./stack.ts";
import type { Trial } from "./trials.ts";

export interface Storm {
  /** Whichever there is now. */
  readonly api: Api;
  /** Kills so far. */
  readonly happened: { worker: number; api: number; redis: number };
  /** Lets what was begun be replaced; nothing is killed afterwards. */
  end(): Promise<void>;
}

interface Options {
  meanSeconds: number;
  /** Of all kills, those of workers and of the api; the rest are of Redis. */
  shares: { worker: number; api: number };
  /** Kills at most: on a machine where everything takes long the jobs have to come to an end too. */
  most: number;
}

const alive = ({ process: { exitCode, signalCode } }: Service): boolean => exitCode === null && signalCode === null;

/** What replaces the one that was killed works before the next is killed, however long that takes. */
export function startStorm(trial: Trial, { meanSeconds, shares, most }: Options): Storm {
  const happened = { worker: 0, api: 0, redis: 0 };
  let { api } = trial;
  let goesOn = true;

  async function killWorker(): Promise<void> {
    const workers = trial.workers.filter(alive);
    workers[Math.floor(Math.random() * workers.length)].process.kill("SIGKILL");
    happened.worker++;
    const next = trial.startWorker();
    await until(
      async () => next.lines,
      (lines) => lines.some((line) => line.includes("the worker is ready")),
      "another worker",
    );
  }
  async function killApi(): Promise<void> {
    api.process.kill("SIGKILL");
    happened.api++;
    api = await trial.startApi();
  }
  async function killRedis(): Promise<void> {
    await trial.redis.kill();
    happened.redis++;
    await sleep(300);
    await trial.redis.start();
  }

  const killing = (async () => {
    for (let kills = 0; kills < most; kills++) {
      await sleep(meanSeconds * 1000 * (0.5 + Math.random()));
      if (!goesOn) return;
      // The first is a worker, whatever the dice say: the jobs can be over after a few kills.
      const dice = kills === 0 ? 0 : Math.random();
      if (dice < shares.worker) await killWorker();
      else if (dice < shares.worker + shares.api) await killApi();
      else await killRedis();
    }
  })();
  // Told by `end`.
  killing.catch(() => undefined);

  return {
    get api() {
      return api;
    },
    happened,
    end: () => {
      goesOn = false;
      return killing;
    },
  };
}
