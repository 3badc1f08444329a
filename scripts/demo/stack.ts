/** The stack as a process of the demo's own: a free port, a data folder of its own, gone when the demo is. */
import { fork } from "node:child_process";
import { createConnection } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export interface DemoStack {
  url: string;
  /** For people: from where they stand. */
  dataDir: string;
  /** Settles if it ends before it is told to. */
  broken: Promise<never>;
  stop(): Promise<void>;
}

const root = new URL("../../../", import.meta.url);
const startSeconds = 300;

/**
 * The folder that repeated demos share, so that nothing is imported twice; another one where a demo works on it now.
 */
async function chooseFolder(): Promise<{ dataDir: string; temporary: boolean }> {
  const shared = fileURLToPath(new URL("data/demo", root));
  const taken = await new Promise<boolean>((resolve) => {
    const socket = createConnection(join(shared, "stack.sock"));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
  return taken
    ? { dataDir: await mkdtemp(join(tmpdir(), "maps-demo-")), temporary: true }
    : { dataDir: shared, temporary: false };
}

/** Starts and waits for the ready line. */
export async function startStack(): Promise<DemoStack> {
  const { dataDir, temporary } = await chooseFolder();
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== "REDIS_URL" && name !== "STORAGE_URL"),
  );
  const child = fork(new URL("dist/services/stack/main.js", root), [], {
    env: { LOG_LEVEL: "warn", ...environment, PORT: "0", HOST: "127.0.0.1", DATA_DIR: dataDir },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    execArgv: [],
  });
  let ended = false;
  const end = new Promise<void>((resolve) =>
    child.once("exit", () => {
      ended = true;
      resolve();
    }),
  );
  let stopping = false;
  const broken = new Promise<never>(
    (_, reject) =>
      void end.then(() => (stopping ? undefined : reject(new Error("the stack ended; what it said stands above")))),
  );
  broken.catch(() => {});
  const ready = new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const at = /^listening on (\S+)$/m.exec(text);
      if (at?.[1] !== undefined) resolve(at[1]);
    });
    setTimeout(
      () => reject(new Error(`the stack did not answer within ${startSeconds} s`)),
      startSeconds * 1000,
    ).unref();
  });
  const stop = async (): Promise<void> => {
    stopping = true;
    if (!ended) child.kill("SIGTERM");
    await end;
    if (temporary) await rm(dataDir, { recursive: true, force: true });
  };
  try {
    return { url: await Promise.race([ready, broken]), dataDir: relative(process.cwd(), dataDir) || ".", broken, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
