/**
 * The stack from outside, as people start it: through npm, with signals to npm; and what it says where it cannot start.
 * Processes are found by the data folder in their environment, which Linux shows in /proc.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { exitCodes } from "../../services/shared/start.ts";
import { until } from "../support/stack.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const entry = join(root, "dist/services/stack/main.js");
const hasProc = existsSync("/proc/self/environ");
if (!hasProc) process.stderr.write("stack.test.ts is skipped in part: there is no /proc to find processes in\n");

const folders: string[] = [];
const started: ChildProcess[] = [];
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "stack-test-"));
  folders.push(folder);
  return folder;
}

/** Ids of all processes that were started for this data folder. */
function processesOf(folder: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // What has ended and was not yet asked for has no environment any more.
      return readFileSync(`/proc/${name}/environ`, "utf8").includes(folder) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

function run(command: string, args: string[], environment: Record<string, string>): ChildProcess {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, LOG_LEVEL: "error", PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  started.push(child);
  return child;
}

async function listening(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  if (!stdout) throw new Error("it has no stdout");
  return new Promise((resolve, reject) => {
    createInterface({ input: stdout }).on("line", (line) => {
      const url = /^listening on (http:\S+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
}

/** How a stack ended that could not start: its code, and what it said. */
async function refusal(environment: Record<string, string>): Promise<{ code: number; said: string }> {
  const child = run(process.execPath, [entry], environment);
  let said = "";
  child.stderr?.on("data", (text: Buffer) => (said += text.toString()));
  const [code] = (await once(child, "close")) as [number];
  return { code, said };
}

afterEach(async () => {
  for (const child of started.splice(0))
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) process.kill(-child.pid, 15);
  for (const folder of folders.splice(0)) {
    if (hasProc)
      await until(
        async () => processesOf(folder),
        (left) => left.length === 0,
        "the end of all processes",
      );
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

describe.skipIf(!hasProc)("npm start", () => {
  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"] as const)(
    "leaves nothing running after %s to npm",
    async (signal) => {
      const folder = newFolder();
      const npm = run("npm", ["start", "--silent"], { DATA_DIR: folder });
      await listening(npm);
      // npm, the stack, api, worker, Redis and its guard.
      await until(
        async () => processesOf(folder).length,
        (count) => count >= 5,
        "all processes",
      );
      npm.kill(signal);
      await until(
        async () => processesOf(folder),
        (left) => left.length === 0,
        `the end of all processes after ${signal}`,
      );
      expect(processesOf(folder)).toEqual([]);
    },
  );
});

describe("a stack that cannot start says why in a sentence, with a code of its own", () => {
  test("the port is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const { code, said } = await refusal({ DATA_DIR: newFolder(), PORT: String(port) });
    other.close();
    expect(code).toBe(exitCodes.portTaken);
    expect(said).toContain(`PORT: ${port} on 127.0.0.1 is taken by another program`);
    expect(said).not.toMatch(/^\s+at /m);
  });

  test("another stack has the folder, which is named otherwise", async () => {
    const folder = newFolder();
    const link = `${newFolder()}/link`;
    symlinkSync(folder, link);
    await listening(run(process.execPath, [entry], { DATA_DIR: folder }));
    for (const name of [link, `${folder}/`]) {
      const { code, said } = await refusal({ DATA_DIR: name });
      expect([code, said]).toEqual([exitCodes.folderTaken, expect.stringContaining("another stack works on")]);
    }
  });

  test.each([
    [
      "a folder that cannot be one",
      { DATA_DIR: "/dev/null/data" },
      /^DATA_DIR: \/dev\/null\/data cannot be used \(ENOTDIR/,
    ],
    ["a Redis that is no address", { REDIS_URL: "redis://:hunter2@" }, /REDIS_URL: expected redis:/],
    ["a host that is none", { HOST: "256.1.1.1", AUTH: "none" }, /HOST: 256\.1\.1\.1 is no address of this machine/],
  ])("%s", async (_, environment, sentence) => {
    const { code, said } = await refusal({ DATA_DIR: newFolder(), ...environment });
    expect(code).toBe(exitCodes.misconfigured);
    expect(said).toMatch(sentence);
    expect(said).not.toMatch(/^\s+at |hunter2/m);
  });
});
