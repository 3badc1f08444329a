/** Finds the service that is meant, and starts one of our own where there is none. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client, Problem, Unreachable } from "../client/index.ts";
import type { Connected } from "./command.ts";
import { exitCodes, Failure, nobodyAt } from "./failures.ts";
import type { Output } from "./output.ts";
import { root } from "./root.ts";
import { isNewer, ownVersion } from "./version.ts";

const stackPath = join("dist", "services", "stack", "main.js");
const stackFile = join(root, stackPath);
const usualPort = 3000;
const startSeconds = 300;
/** A service that trains may take its time; where nobody is, the answer comes at once. */
const patienceMs = 30_000;

export const dataDir = (): string => process.env["DATA_DIR"] ?? join(root, "data");
export const logFile = (): string => join(dataDir(), "service.log");
const noteFile = (): string => join(dataDir(), "service.json");

/** What we keep of a service that runs in the background. */
export interface Background {
  url: string;
  pid: number;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** How a process was started: from /proc, or where there is none, as on macOS, from ps. */
const commandOf = async (pid: number): Promise<string> =>
  readFile(`/proc/${pid}/cmdline`, "utf8").catch(
    async () => (await promisify(execFile)("ps", ["-ww", "-o", "command=", "-p", String(pid)])).stdout,
  );

/** A note outlives the service where the machine went down: its number may by now be another program's. */
export async function background(): Promise<Background | null> {
  try {
    const noted = JSON.parse(await readFile(noteFile(), "utf8")) as Background;
    return isAlive(noted.pid) && (await commandOf(noted.pid)).includes(stackPath) ? noted : null;
  } catch {
    return null;
  }
}

export interface Wanted {
  url: string | undefined;
  key: string | undefined;
}

/** The version of the service there; null where nobody answers. */
async function versionAt(url: string): Promise<string | null> {
  const signal = AbortSignal.timeout(patienceMs);
  try {
    return (await new Client(url, { retries: 0 }).service.live({ signal })).version ?? "";
  } catch (error) {
    if (error instanceof Unreachable || signal.aborted) return null;
    if (error instanceof Problem && error.code !== "unexpected-answer") return "";
    throw error;
  }
}

const local = (port: number): string => `http://127.0.0.1:${port}`;

/** Whether the port can be had. */
const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });

/** Where commands look when nobody says where. */
async function usualPlaces(): Promise<string[]> {
  const noted = await background();
  return [...new Set([...(noted ? [noted.url] : []), local(usualPort)])];
}

function checkVersion(version: string, url: string, out: Output): void {
  const newer = isNewer(version, ownVersion);
  if (newer === "incompatible")
    throw new Failure(
      exitCodes.newer,
      `the service at ${url} is version ${version}, too new for this command line (${ownVersion}): bring the clone up to date (git pull)`,
    );
  if (newer === "compatible")
    out.note(`the service at ${url} is version ${version}, newer than this command line (${ownVersion})`);
}

export async function connect(wanted: Wanted, out: Output, start: boolean): Promise<Connected> {
  const places = wanted.url === undefined ? await usualPlaces() : [wanted.url.replace(/\/+$/, "")];
  for (const url of places) {
    if (!URL.canParse(url) || !/^https?:/.test(url))
      throw new Failure(exitCodes.usage, `--url: expected an address such as ${local(usualPort)}, found '${url}'`);
    const version = await versionAt(url).catch((error: unknown) => {
      if (wanted.url !== undefined) throw error;
      return null;
    });
    if (version === null) continue;
    checkVersion(version, url, out);
    return { url, client: new Client(url, { key: wanted.key }) };
  }
  const asked = places.at(-1) ?? local(usualPort);
  if (!start || wanted.url !== undefined) throw nobodyAt(asked);
  const { url } = await startBackground(out);
  return { url, client: new Client(url, { key: wanted.key }) };
}

/** The first free choice: what the environment says, the usual port, any. */
async function choosePort(): Promise<string> {
  return process.env["PORT"] ?? ((await isFree(usualPort)) ? String(usualPort) : "0");
}

/** What a service of ours is started with. A service that npx started would end with npx. */
async function environment(): Promise<NodeJS.ProcessEnv> {
  const { npm_lifecycle_event: _event, ...rest } = process.env;
  return { LOG_LEVEL: "warn", ...rest, PORT: await choosePort(), DATA_DIR: dataDir() };
}

const readyLine = /^listening on (http\S+)$/m;

/** Starts one that outlives this command. Its output goes into a file. */
export async function startBackground(out: Output): Promise<Background> {
  await mkdir(dataDir(), { recursive: true });
  const log = await open(logFile(), "w");
  const child = spawn(process.execPath, [stackFile], {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: await environment(),
  });
  await log.close();
  const ended = once(child, "exit").then(() => true);
  child.unref();
  out.note("no service answers here: starting one …");
  const deadline = performance.now() + startSeconds * 1000;
  for (;;) {
    const over = await Promise.race([ended, sleep(100, false)]);
    const text = await readFile(logFile(), "utf8");
    const url = readyLine.exec(text)?.[1];
    if (url !== undefined && child.pid !== undefined) {
      await writeFile(noteFile(), `${JSON.stringify({ url, pid: child.pid } satisfies Background)}\n`);
      out.note(`started at ${url}; it stays until \`npx feature-maps down\``);
      return { url, pid: child.pid };
    }
    if (over || performance.now() > deadline) {
      if (!over) child.kill("SIGTERM");
      const last = text.trim().split("\n").slice(-5).join("\n  ");
      throw new Failure(
        exitCodes.unreachable,
        `the service did not start${over ? "" : ` within ${startSeconds} s`}: ${last || `see ${logFile()}`}`,
      );
    }
  }
}

/** Runs one here until it is ended. Answers its exit code. */
export async function runForeground(signal: AbortSignal): Promise<number> {
  const env = { ...process.env, PORT: await choosePort(), DATA_DIR: dataDir() };
  const child = spawn(process.execPath, [stackFile], { stdio: ["ignore", "inherit", "inherit"], env });
  // A terminal sends Ctrl-C to both; one that was sent to us alone is passed on.
  signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? exitCodes.interrupted;
}

/** Ends the one in the background. Answers null where there is none. */
export async function endBackground(): Promise<Background | null> {
  const noted = await background();
  if (noted === null) return null;
  process.kill(noted.pid, "SIGTERM");
  while (isAlive(noted.pid)) await sleep(100);
  await rm(noteFile(), { force: true });
  return noted;
}
