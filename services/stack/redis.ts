/**
 * A Redis of the stack's own, for a machine that has none running: a server of the machine, or at last one in
 * JavaScript that forgets everything. The server listens on a unix socket of the data folder, ends with the stack
 * however that ends, and is started again where it dies.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../shared/log.ts";
import { ownFolder } from "../shared/ownership.ts";
import { connectRedis } from "../shared/redis.ts";
import { findServer } from "./find-redis.ts";
import type { Server } from "./find-redis.ts";
import { shortWay } from "./lock.ts";
import { CannotStart } from "../shared/start.ts";

export interface ProvidedRedis {
  url: string;
  /** For people: which Redis this is. */
  description: string;
  /** false: it keeps nothing when it ends. */
  durable: boolean;
  /** Kills it as a power cut would; it is not started again before `start`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export class RedisMissing extends CannotStart {
  override name = "RedisMissing";
}

const restartMs = 200;
const stopMs = 10_000;
/** How long one that reads its file is waited for, and how long one that cannot start is started again. */
const longestStartMs = 600_000;
const restartsMs = 10_000;

/**
 * The shell waits for the server, and ends it when this process's end of the pipe closes: by our wish, or because we
 * were killed.
 */
const guard = 'exec 3<&0; "$@" 3<&- & server=$!; { cat <&3 >/dev/null; kill "$server" 2>/dev/null; } & wait "$server"';

/** Whether it comes to answer. One that runs may have a large file to read first; one that ends is started again. */
async function answers(url: string, log: Logger, runs: () => boolean): Promise<boolean> {
  const redis = connectRedis({ url, role: "answering", log: log.child({}, { level: "silent" }) });
  const began = performance.now();
  try {
    for (;;) {
      if ((await redis.ping().catch(() => null)) === "PONG") return true;
      if (performance.now() - began > (runs() ? longestStartMs : restartsMs)) return false;
      await sleep(25);
    }
  } finally {
    redis.disconnect();
  }
}

/** A server that an earlier stack left behind (it was killed) still writes to these files: it has to end first. */
async function endLeftOver(url: string, log: Logger): Promise<void> {
  const redis = connectRedis({ url, role: "answering", log: log.child({}, { level: "silent" }) });
  try {
    for (let tries = 0; tries < 20 && redis.status !== "ready" && redis.status !== "reconnecting"; tries++)
      await sleep(10);
    if (redis.status !== "ready") return;
    log.warn("a Redis that an earlier start left behind is ended first");
    await redis.shutdown().catch(() => {});
    for (let tries = 0; tries < 200 && redis.status === "ready"; tries++) await sleep(25);
  } finally {
    redis.disconnect();
  }
}

async function awaitEnd(child: ChildProcess, allowedMs: number): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) return true;
  const end = new Promise<true>((resolve) => child.once("exit", () => resolve(true)));
  return Promise.race([end, sleep(allowedMs, false as const, { ref: false })]);
}

const urlOfSocket = (socket: string): string => `unix://${encodeURI(socket)}`;

class SupervisedServer {
  readonly url: string;
  readonly #server: Server;
  readonly #folder: string;
  readonly #socket: string;
  readonly #log: Logger;
  #child: ChildProcess | null = null;
  #ending = false;
  #said = "";

  constructor(options: { server: Server; folder: string; socket: string; log: Logger }) {
    this.#server = options.server;
    this.#folder = options.folder;
    this.#socket = options.socket;
    this.#log = options.log;
    this.url = urlOfSocket(options.socket);
  }

  async start(): Promise<void> {
    this.#ending = false;
    await endLeftOver(this.url, this.#log);
    await rm(this.#socket, { force: true });
    this.#spawn();
    if (await answers(this.url, this.#log, () => this.#runs)) return;
    await this.stop();
    throw new RedisMissing(`Redis did not start: ${this.#said.trim() || "it said nothing"}`);
  }

  get #runs(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  #spawn(): void {
    const settings = [
      "--port",
      "0",
      "--unixsocket",
      this.#socket,
      "--unixsocketperm",
      "700",
      "--dir",
      ".",
      "--appendonly",
      "yes",
      "--maxmemory-policy",
      "noeviction",
      "--save",
      "",
      "--daemonize",
      "no",
      "--loglevel",
      "warning",
    ];
    const { path, libraries } = this.#server;
    const child = spawn("sh", ["-c", guard, "sh", path, ...settings], {
      cwd: this.#folder,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...(libraries === null ? {} : { LD_LIBRARY_PATH: libraries }) },
      // Ctrl-C reaches the stack alone: Redis ends last.
      detached: true,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text: Buffer) => (this.#said = (this.#said + text.toString()).slice(-2000)));
    child.once("error", (error) => (this.#said += error.message));
    child.once("exit", (code, signal) => {
      child.stdin.destroy();
      if (this.#ending) return;
      this.#log.warn({ code, signal, said: this.#said.trim() }, "Redis ended by itself; it is started again");
      setTimeout(() => {
        if (!this.#ending) this.#spawn();
      }, restartMs);
    });
  }

  async kill(): Promise<void> {
    this.#ending = true;
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    process.kill(-child.pid, "SIGKILL");
    await awaitEnd(child, stopMs);
  }

  async stop(): Promise<void> {
    this.#ending = true;
    const child = this.#child;
    if (!child) return;
    child.stdin?.end();
    if (!(await awaitEnd(child, stopMs))) await this.kill();
    await rm(this.#socket, { force: true });
  }
}

/** On a socket of the data folder, as the others: a port would be open to every user of the machine. */
async function startJavaScript(socket: string, after: () => Promise<void>): Promise<ProvidedRedis> {
  const { RedisServerState, Resp2Server, createRedisCommandExecutor } = await import("js-redis-server/core");
  await rm(socket, { force: true });
  const server = new Resp2Server({ server: new RedisServerState(), executor: createRedisCommandExecutor() });
  await new Promise<void>((resolve, reject) => server.server.once("error", reject).listen(socket, resolve));
  const stop = async (): Promise<void> => {
    await server.close();
    await rm(socket, { force: true });
    await after();
  };
  return {
    url: urlOfSocket(socket),
    description: "a Redis in JavaScript that keeps nothing and is slow: install redis-server for real use",
    durable: false,
    kill: stop,
    start: () => Promise.reject(new RedisMissing("the Redis in JavaScript keeps nothing: it cannot be started again")),
    stop,
  };
}

/**
 * Starts a Redis whose data lie in `<dataDir>/redis`. `durableOnly` refuses the one in JavaScript. Throws RedisMissing.
 */
export async function provideRedis(options: {
  dataDir: string;
  log: Logger;
  durableOnly?: boolean;
}): Promise<ProvidedRedis> {
  const { dataDir, log } = options;
  const folder = join(dataDir, "redis");
  await ownFolder(folder);
  const way = await shortWay(dataDir);
  const socket = join(way.path, "redis", "redis.sock");
  const server = await findServer(dataDir, log);
  if (server) {
    const supervised = new SupervisedServer({ server, folder, socket, log });
    await supervised.start();
    return {
      url: supervised.url,
      description: server.description,
      durable: true,
      kill: () => supervised.kill(),
      start: () => supervised.start(),
      stop: async () => {
        await supervised.stop();
        await way.remove();
      },
    };
  }
  if (options.durableOnly)
    throw new RedisMissing(
      "no redis-server or valkey-server was found, and none could be fetched: install one, or set REDIS_URL",
    );
  return startJavaScript(socket, () => way.remove());
}
