/** A client beside the one that misbehaves: what it noticed. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * How long an answer may take for what the service does, and how often the machine's own delay is added to it. A freeze
 * lasts seconds; a machine four times slower than ours is no freeze.
 */
const patienceMs = 600;
const machineFactor = 4;

interface Noticed {
  path: string;
  /** 0: no answer. */
  status: number;
  ms: number;
}

export interface Seen {
  answers: number;
  failed: Noticed[];
  slowestMs: number;
  /** The slowest answer of a server that does nothing, over the same time: what the machine added by itself. */
  machineMs: number;
  /** Whether an answer took longer than 600 ms and what the machine explains. */
  slow: boolean;
}

export interface Beside {
  /** What was noticed while `doing` went on. */
  during: (doing: () => Promise<void>) => Promise<Seen>;
  end: () => void;
}

const slowest = (noticed: readonly Noticed[]): number => Math.max(0, ...noticed.map(({ ms }) => ms));

/** Asks `paths` of `url` ten times a second until it is ended. */
export function startBeside(url: string, paths: readonly string[]): Beside {
  const child = fork(fileURLToPath(new URL("./beside.mjs", import.meta.url)), [url, ...paths], { execArgv: [] });
  const noticed: Noticed[] = [];
  let waiting: { path: string; done: () => void }[] = [];
  child.on("message", (each: Noticed) => {
    noticed.push(each);
    const [heard, rest] = [
      waiting.filter(({ path }) => path === each.path),
      waiting.filter(({ path }) => path !== each.path),
    ];
    waiting = rest;
    for (const { done } of heard) done();
  });
  /** The next answer of every path: one that is under way now counts to what went before. */
  const next = (): Promise<unknown> =>
    Promise.all(paths.map((path) => new Promise<void>((done) => waiting.push({ path, done }))));
  return {
    during: async (doing) => {
      await next();
      const from = noticed.length;
      await doing();
      await next();
      const both = noticed.slice(from);
      const seen = both.filter(({ path }) => path !== "idle");
      const [slowestMs, machineMs] = [slowest(seen), slowest(both.filter(({ path }) => path === "idle"))];
      return {
        answers: seen.length,
        failed: seen.filter(({ status }) => status !== 200),
        slowestMs,
        machineMs,
        slow: slowestMs > patienceMs + machineFactor * machineMs,
      };
    },
    end: () => {
      if (child.connected) child.disconnect();
    },
  };
}
