/** Redis servers of a test's own beside the stack's, of whatever kind: with a replica, Sentinels, in cluster mode. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { until } from "./stack.ts";

/** A port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export interface RedisServer {
  port: number;
  /** A command's answer, over a connection for it alone; null where nobody answers. */
  ask(command: string, ...words: string[]): Promise<unknown>;
  kill(): Promise<void>;
}

async function ask(port: number, command: string, words: readonly string[]): Promise<unknown> {
  const redis = new Redis({ port, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    return await redis.call(command, ...words);
  } catch {
    return null;
  } finally {
    redis.disconnect();
  }
}

export class RedisServers {
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];
  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async inFolder(): Promise<RedisServers> {
    return new RedisServers(await mkdtemp(join(tmpdir(), "redis-")));
  }

  /** Starts redis-server with these settings and waits until it answers. */
  async start(settings: readonly string[], port?: number, first: readonly string[] = []): Promise<RedisServer> {
    const own = port ?? (await freePort());
    const folder = join(this.#folder, String(own));
    await mkdir(folder, { recursive: true });
    const words = [...first, "--port", String(own), "--bind", "127.0.0.1", "--dir", folder, ...settings];
    const child = spawn("redis-server", words, { stdio: "ignore" });
    this.#children.push(child);
    const server: RedisServer = {
      port: own,
      ask: (command, ...rest) => ask(own, command, rest),
      kill: async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, "exit");
        child.kill("SIGKILL");
        await exited;
      },
    };
    await until(
      () => server.ask("PING"),
      (answer) => answer === "PONG",
      `a Redis on port ${own}`,
    );
    return server;
  }

  /** A Sentinel that watches the Redis on `watched` under this name, one of several of which two must agree. */
  async startSentinel(name: string, watched: number): Promise<RedisServer> {
    const port = await freePort();
    const file = join(this.#folder, `sentinel-${port}.conf`);
    const settings = [
      `sentinel monitor ${name} 127.0.0.1 ${watched} 2`,
      `sentinel down-after-milliseconds ${name} 5000`,
      `sentinel failover-timeout ${name} 6000`,
    ];
    await writeFile(file, `${settings.join("\n")}\n`);
    return this.start(["--sentinel"], port, [file]);
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
