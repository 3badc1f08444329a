/** Who is measured, how each is started, and the conversation with it. */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "./peers/load.ts";
import type { Chunk, Prepared } from "./protocol.ts";

export interface Contender {
  name: string;
  version: string;
  notes: string[];
  ask<Answer>(request: object): Promise<Answer & { error?: string }>;
  close(): void;
}

/**
 * The best settings we know for glibc's allocator under PyTorch: without them it returns and refaults its memory at
 * every step.
 */
const allocator =
  "glibc.malloc.mmap_threshold=268435456:glibc.malloc.trim_threshold=1073741824:glibc.malloc.top_pad=67108864";

interface Recipe {
  name: string;
  command: string;
  args: string[];
  environment?: Record<string, string>;
}

/** The first Python that has torch. */
function pythonWithTorch(): string | undefined {
  const candidates = process.env.PYTHON ? [process.env.PYTHON] : ["python3", "/usr/bin/python3"];
  return candidates.find((python) => spawnSync(python, ["-c", "import torch"]).status === 0);
}

const script = (name: string): string => join(root, "dist", "bench", `${name}.js`);

function recipes(): Recipe[] {
  const node = process.execPath;
  const engine = (name: string, kernels: string, numerics: string): Recipe => ({
    name,
    command: node,
    args: [script("engine"), kernels, numerics],
  });
  const python = pythonWithTorch();
  return [
    engine("native", "native", "reproducible"),
    engine("native-fast", "native", "fast"),
    engine("assembly", "assembly", "reproducible"),
    engine("assembly-fast", "assembly", "fast"),
    ...(python
      ? [
          {
            name: "PyTorch",
            command: python,
            args: [join(root, "bench", "peers", "pytorch.py")],
            environment: { GLIBC_TUNABLES: allocator },
          },
        ]
      : []),
    { name: "onnxruntime", command: node, args: [script("peers/onnxruntime")] },
    { name: "tfjs wasm", command: node, args: [script("peers/tfjs")] },
    { name: "convnetjs", command: node, args: [script("peers/convnetjs")] },
  ];
}

/** Answers come in the order of the requests, one a line. */
function converse(child: ChildProcessWithoutNullStreams): Contender["ask"] {
  const waiting: ((line: string | undefined) => void)[] = [];
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  child.stdin.on("error", () => undefined);
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(line));
  let ended = false;
  child.on("close", () => {
    ended = true;
    for (const resolve of waiting.splice(0)) resolve(undefined);
  });
  return async <Answer>(request: object) => {
    const line = await new Promise<string | undefined>((resolve) => {
      if (ended) return resolve(undefined);
      waiting.push(resolve);
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });
    if (line === undefined)
      return { error: `the process ended: ${said.trim().split("\n").at(-1) ?? ""}` } as Answer & { error: string };
    return JSON.parse(line) as Answer & { error?: string };
  };
}

async function start({ name, command, args, environment }: Recipe): Promise<Contender> {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...environment } });
  const ask = converse(child);
  const hello = await ask<{ version: string; notes: string[] }>({ op: "hello" });
  if (hello.error) throw new Error(hello.error);
  return { name, version: hello.version, notes: hello.notes, ask, close: () => child.stdin.end() };
}

/** Starts all that are wanted and can be; tells of the others why not. Throws for a name that nobody has. */
export async function startContenders(
  wanted: readonly string[],
  missing: (name: string, why: string) => void,
): Promise<Contender[]> {
  const found: Contender[] = [];
  const available = recipes();
  const names = [...new Set([...available.map(({ name }) => name), "PyTorch"])];
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`--only names ${unknown.map((name) => `'${name}'`).join(", ")}; there are ${names.join(", ")}`);
  if (!available.some(({ name }) => name === "PyTorch"))
    missing("PyTorch", "no Python with torch (PYTHON names another one)");
  for (const recipe of available.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    try {
      found.push(await start(recipe));
    } catch (error) {
      missing(recipe.name, error instanceof Error ? error.message : String(error));
    }
  }
  return found;
}

export const prepare = (contender: Contender, wanted: Prepared): Promise<{ unsupported?: string; error?: string }> =>
  contender.ask({ op: "prepare", case: wanted });
export const run = (contender: Contender, seconds: number): Promise<Chunk & { error?: string }> =>
  contender.ask({ op: "run", seconds });
