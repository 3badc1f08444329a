/**
 * A Redis for a machine that has none running: the server on PATH, or the distribution's package unpacked into the data folder, or at
 * last one in JavaScript that forgets everything. Always on a unix socket in the data folder.
 */
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { access, mkdir, readdir, rm } from "node:fs/promises";
import { constants } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { connectRedis } from "../shared/redis.ts";
import type { Logger } from "../shared/log.ts";

const run = promisify(execFile);

export interface ProvidedRedis {
  url: string;
  /** For people: which Redis this is. */
  description: string;
  /** false: it keeps nothing when it ends. */
  durable: boolean;
  /** The server's process; null for the one in JavaScript. */
  process: ChildProcess | null;
  stop(): Promise<void>;
}

async function onPath(name: string): Promise<string | null> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (folder !== "" && (await access(path, constants.X_OK).then(() => true, () => false))) return path;
  }
  return null;
}

interface Server {
  path: string;
  libraries: string | null;
  description: string;
}

/** Packages that the server needs; libraries whose names differ between releases are optional. */
const packages = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"];
const optionalPackages = ["libssl3", "libssl3t64", "libsystemd0", "liblua5.1-0", "libhiredis0.14", "lua-cjson", "lua-bitop"];

async function findUnpacked(root: string): Promise<Server | null> {
  const path = ["usr/bin/redis-server", "usr/bin/redis-check-rdb"].map((name) => join(root, name))[0] as string;
  if (!(await access(path, constants.X_OK).then(() => true, () => false))) return null;
  const below = await readdir(join(root, "usr/lib")).catch(() => []);
  const libraries = [join(root, "usr/lib"), ...below.map((name) => join(root, "usr/lib", name))].join(":");
  return { path, libraries, description: "the distribution's redis-server, unpacked into the data folder" };
}

/** Debian and Ubuntu: fetches the packages with apt (without root, with lists of its own) and unpacks them. null where that cannot be done. */
async function unpackRedis(dataDir: string, log: Logger): Promise<Server | null> {
  const root = join(dataDir, "redis-package");
  const present = await findUnpacked(root);
  if (present) return present;
  if (!(await onPath("apt-get")) || !(await onPath("dpkg-deb"))) return null;
  log.info("fetching the distribution's redis-server with apt");
  const work = join(root, "apt");
  try {
    await mkdir(join(work, "lists/partial"), { recursive: true });
    await mkdir(join(work, "cache/archives/partial"), { recursive: true });
    const settings = ["-o", `Dir::State::Lists=${join(work, "lists")}`, "-o", `Dir::Cache=${join(work, "cache")}`, "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="];
    const options = { cwd: work, timeout: 60_000 };
    await run("apt-get", [...settings, "-qq", "update"], options);
    await run("apt-get", [...settings, "-qq", "download", ...packages], options);
    for (const name of optionalPackages) await run("apt-get", [...settings, "-qq", "download", name], options).catch(() => {});
    for (const name of await readdir(work)) if (name.endsWith(".deb")) await run("dpkg-deb", ["-x", join(work, name), root]);
    return await findUnpacked(root);
  } catch (error) {
    log.info({ err: error }, "the distribution's redis-server could not be fetched");
    return null;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function findServer(dataDir: string, log: Logger): Promise<Server | null> {
  for (const name of ["redis-server", "valkey-server"]) {
    const path = await onPath(name);
    if (path) return { path, libraries: null, description: `${name} (${path})` };
  }
  return unpackRedis(dataDir, log);
}

async function answers(url: string, log: Logger): Promise<boolean> {
  const redis = connectRedis({ url, role: "answering", log: log.child({}, { level: "silent" }) });
  try {
    for (let tries = 0; tries < 400; tries++) {
      if ((await redis.ping().catch(() => null)) === "PONG") return true;
      await sleep(25);
    }
    return false;
  } finally {
    redis.disconnect();
  }
}

/** A server that an earlier stack left behind (it was killed) still writes to these files: it has to end first. */
async function endLeftOver(url: string, log: Logger): Promise<void> {
  const redis = connectRedis({ url, role: "answering", log: log.child({}, { level: "silent" }) });
  try {
    for (let tries = 0; tries < 20 && redis.status !== "ready" && redis.status !== "reconnecting"; tries++) await sleep(10);
    if (redis.status !== "ready") return;
    log.warn("a Redis that an earlier start left behind is ended first");
    await redis.shutdown().catch(() => {});
    for (let tries = 0; tries < 200 && redis.status === "ready"; tries++) await sleep(25);
  } finally {
    redis.disconnect();
  }
}

async function startServer(server: Server, folder: string, log: Logger): Promise<ProvidedRedis> {
  // Paths of unix sockets may not exceed 107 bytes: the server is started in its folder and told a short name.
  const socket = join(folder, "redis.sock");
  const url = `unix://${encodeURI(socket)}`;
  if (Buffer.byteLength(socket) > 103) throw new Error(`the path of Redis's socket is too long (${socket}): choose a shorter DATA_DIR or set REDIS_URL`);
  await endLeftOver(url, log);
  await rm(socket, { force: true });
  const settings = ["--port", "0", "--unixsocket", "redis.sock", "--unixsocketperm", "700", "--dir", ".", "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", "", "--daemonize", "no", "--loglevel", "warning"];
  const child = spawn(server.path, settings, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...(server.libraries === null ? {} : { LD_LIBRARY_PATH: server.libraries }) },
    detached: true,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-2000)));
  let ended = false;
  const end = new Promise<void>((resolve) => child.once("exit", () => ((ended = true), resolve())));
  child.once("error", () => (ended = true));
  if (!(await answers(url, log)) || ended) {
    child.kill("SIGKILL");
    throw new Error(`Redis did not start: ${said.trim() || "it said nothing"}`);
  }
  const stop = async (): Promise<void> => {
    if (ended) return;
    child.kill("SIGTERM");
    await Promise.race([end, sleep(10_000, undefined, { ref: false })]);
    if (!ended) child.kill("SIGKILL");
    await rm(socket, { force: true });
  };
  return { url, description: server.description, durable: true, process: child, stop };
}

async function startJavaScript(): Promise<ProvidedRedis> {
  const { createRedisMock } = await import("js-redis-server");
  const server = await createRedisMock();
  const address = server.addresses()[0];
  if (!address) throw new Error("the Redis in JavaScript has no address");
  return {
    url: `redis://${address.host}:${address.port}`,
    description: "a Redis in JavaScript that keeps nothing and is slow: install redis-server for real use",
    durable: false,
    process: null,
    stop: () => server.close(),
  };
}

/** Starts a Redis whose data lie in `<dataDir>/redis`. `durableOnly` refuses the one in JavaScript. */
export async function provideRedis(options: { dataDir: string; log: Logger; durableOnly?: boolean }): Promise<ProvidedRedis> {
  const { dataDir, log } = options;
  const folder = join(dataDir, "redis");
  await mkdir(folder, { recursive: true });
  const server = await findServer(dataDir, log);
  if (server) return startServer(server, folder, log);
  if (options.durableOnly) throw new Error("no redis-server or valkey-server was found, and none could be fetched: install one, or set REDIS_URL");
  return startJavaScript();
}
