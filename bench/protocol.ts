/**
 * How the bench speaks to those it measures: each is a process of its own that reads one JSON request a line and
 * answers with one line.
 *
 *     {"op":"hello"}                               → {"version", "notes":[…]}
 *     {"op":"prepare","case":{…},"network":{…}}    → {} or {"unsupported": "why"}
 *     {"op":"run","seconds":0.5}                   → {"samples","seconds","residentBytes"}   works about that
 *                                                  long on the case prepared last
 *
 * An answer {"error"} ends the case for this contender.
 */
import { createInterface } from "node:readline";
import type { Case, networks } from "./cases.ts";

export type Prepared = Case & { definition: (typeof networks)[Case["network"]] };
export interface Work {
  samples: number;
  seconds: number;
}
/** And the memory of the process that did it, as the system counts it. */
export interface Chunk extends Work {
  residentBytes: number;
}

export interface Measured {
  version: string;
  notes: string[];
  /** A sentence if this case is beyond the contender, else nothing. */
  prepare(wanted: Prepared): Promise<string | undefined>;
  run(seconds: number): Work | Promise<Work>;
}

/** Serves a contender on standard input and output until the input ends. */
export async function serve(measured: Measured): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    let answer: object;
    try {
      const request = JSON.parse(line) as
        | { op: "hello" }
        | { op: "prepare"; case: Prepared }
        | { op: "run"; seconds: number };
      if (request.op === "hello") answer = { version: measured.version, notes: measured.notes };
      else if (request.op === "prepare") answer = { unsupported: await measured.prepare(request.case) };
      else answer = { ...(await measured.run(request.seconds)), residentBytes: process.memoryUsage.rss() };
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit();
}

/** Calls `work` (which returns the samples it did) until about `seconds` have passed; looks at the clock seldom. */
export async function repeat(seconds: number, work: () => number | Promise<number>): Promise<Work> {
  const start = performance.now();
  let samples = 0;
  let calls = 1;
  for (;;) {
    const before = performance.now();
    for (let call = 0; call < calls; call++) samples += await work();
    const now = performance.now();
    if (now - start >= seconds * 1000) return { samples, seconds: (now - start) / 1000 };
    if (now - before < 5) calls *= 2;
  }
}

/** Numbers that look like pictures: mostly zero, some between 0 and 1; the same for everybody. */
export function pictures(count: number, pixels: number): { samples: Float32Array; labels: Int32Array } {
  let state = 12345;
  const draw = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const samples = Float32Array.from({ length: count * pixels }, () => Math.max(0, draw() * 5 - 4));
  return { samples, labels: Int32Array.from({ length: count }, () => Math.floor(draw() * 10)) };
}
