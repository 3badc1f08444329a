/** Tasks that threads take from each other: each once, phase after phase, whoever is late or never comes. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { controlInts } from "../../engine/parallel.ts";
import type { TeamData } from "../support/team-thread.ts";

const mostTasks = 9;
const hangsAfterMs = 60_000;
const phases = [
  { tasks: 5, spare: false, gathers: null },
  { tasks: 0, spare: false, gathers: null },
  { tasks: 9, spare: true, gathers: null },
  { tasks: 1, spare: false, gathers: null },
  { tasks: 9, spare: true, gathers: null },
  { tasks: 7, spare: false, gathers: 18 },
  { tasks: 2, spare: false, gathers: null },
];

const shared = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * length));

/** Runs commands on a team of which only some threads ever come, and returns what was counted. */
async function run({ threads, present, commands }: { threads: number; present: number; commands: number }) {
  const counts = {
    control: shared(controlInts),
    ran: shared(commands * phases.length * mostTasks),
    spared: shared(commands * phases.length * mostTasks),
    closed: shared(commands * phases.length),
    faults: shared(1),
    shares: shared(threads),
  };
  const script = new URL("../../dist/tests/support/team-thread.js", import.meta.url);
  const workers = Array.from({ length: present }, (_, thread) => {
    const data: TeamData = { ...counts, commands, phases, mostTasks, thread, threads, seed: 77 + thread };
    return new Worker(script, { workerData: data });
  });
  // Threads that wait for what never comes are ended; what they left undone is then missing from the counts.
  const bound = setTimeout(() => workers.forEach((worker) => void worker.terminate()), hangsAfterMs);
  await Promise.all(workers.map((worker) => once(worker, "exit")));
  clearTimeout(bound);
  return counts;
}

/** By phase and task: whether there is such a task, and whether it has a spare one. */
const wanted = (spare: boolean, commands: number): number[] =>
  Array.from({ length: commands }, () =>
    phases.flatMap((phase) =>
      Array.from({ length: mostTasks }, (_, task) => (task < phase.tasks && (!spare || phase.spare) ? 1 : 0)),
    ),
  ).flat();

test.each([1, 2, 3, 4])(
  "on %i threads every task runs once, and each phase ends before the next begins",
  async (threads) => {
    const commands = 60;
    const { ran, spared, closed, faults } = await run({ threads, present: threads, commands });
    expect(faults[0]).toBe(0);
    expect(Array.from(ran)).toEqual(wanted(false, commands));
    expect(Array.from(spared)).toEqual(wanted(true, commands));
    expect(Array.from(closed)).toEqual(new Array<number>(commands * phases.length).fill(1));
  },
);

test("a thread that never comes is not waited for", async () => {
  const { ran, faults, shares } = await run({ threads: 3, present: 2, commands: 9 });
  expect(faults[0]).toBe(0);
  expect(Array.from(ran)).toEqual(wanted(false, 9));
  expect(shares[2]).toBe(0);
  const alone = await run({ threads: 2, present: 1, commands: 9 });
  expect([alone.faults[0], alone.shares[0]]).toEqual([0, 9 * phases.reduce((sum, { tasks }) => sum + tasks, 0)]);
});
