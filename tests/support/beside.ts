/** A client beside the one that misbehaves: what it noticed. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

interface Noticed {
  path: string;
  /** 0: no answer. */
  status: number;
  ms: number;
}

export interface Beside {
  /** What was noticed while `doing` went on. */
  during: (doing: () => Promise<void>) => Promise<{ answers: number; failed: Noticed[]; slowestMs: number }>;
  end: () => void;
}

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
      const seen = noticed.slice(from);
      return {
        answers: seen.length,
        failed: seen.filter(({ status }) => status !== 200),
        slowestMs: Math.max(0, ...seen.map(({ ms }) => ms)),
      };
    },
    end: () => {
      if (child.connected) child.disconnect();
    },
  };
}
