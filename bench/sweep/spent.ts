/** Processor time by process, and of the worker also that of its main thread alone, from /proc (Linux). */
import { existsSync, readFileSync } from "node:fs";

/** What the kernel counts in: a hundredth of a second on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** User and system seconds of a process or thread by its `stat`; null where it is gone. */
function secondsOf(path: string): number | null {
  if (!existsSync(path)) return null;
  const text = readFileSync(path, "utf8");
  // The name, in brackets, may hold spaces.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** The main thread of a worker coordinates, publishes and writes; its other threads train. */
export function spentBy(processes: ReadonlyMap<string, number>): Record<string, number> {
  const spent: Record<string, number> = {};
  for (const [name, pid] of processes) {
    const seconds = secondsOf(`/proc/${pid}/stat`);
    if (seconds !== null) spent[name] = seconds;
    const main = secondsOf(`/proc/${pid}/task/${pid}/stat`);
    if (name === "worker" && main !== null) spent["worker, main thread"] = main;
  }
  return spent;
}
