/**
 * A team's thread for tests, run from dist/: thread 0 has commands done and posts what it saw, the others follow. Tasks
 * take long and short, so that threads overtake each other.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Command } from "../../engine/commands.ts";
import { Team } from "../../engine/parallel.ts";
import type { Phase } from "../../engine/parallel.ts";

/** What the log of a test holds of each task and phase: [command][phase][task]. */
export interface TeamLog {
  commands: number;
  phases: readonly { tasks: number; spare: boolean; gathers: number | null }[];
  mostTasks: number;
}

export interface TeamData extends TeamLog {
  control: Int32Array;
  /** How often each task ran, each spare one, and each phase was closed. */
  ran: Int32Array;
  spared: Int32Array;
  closed: Int32Array;
  /** Counts what happened out of order. */
  faults: Int32Array;
  /** By thread: tasks that it ran. */
  shares: Int32Array;
  thread: number;
  threads: number;
  seed: number;
}

const data = workerData as TeamData;
const { control, ran, spared, closed, faults, shares, thread, threads, phases, mostTasks, commands, seed } = data;
let state = seed;
/** Busy for a while that is not the same twice. */
function dawdle(): void {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  for (let spin = state >>> (state % 7 === 0 ? 14 : 20); spin > 0; spin--) Atomics.load(faults, 0);
}

const phaseOf = (command: number, phase: number): number => command * phases.length + phase;
const must = (holds: boolean): void => void (holds || Atomics.add(faults, 0, 1));
const numberOf = (command: Command): number => (command.kind === "step" ? command.step.start : -1);

const list = phases.map(({ tasks, spare, gathers }, index): Phase => {
  const all = [...Array.from({ length: tasks }).keys()];
  const spareTask = (task: number, command: number): void => {
    const at = phaseOf(command, index) * mostTasks + task;
    must(Atomics.load(ran, at) === 1);
    dawdle();
    Atomics.add(spared, at, 1);
  };
  let current = 0;
  return {
    order: all.map((task) => (task + thread) % tasks),
    run: (task, command) => {
      current = numberOf(command);
      const phase = phaseOf(current, index);
      must((phase === 0 || Atomics.load(closed, phase - 1) === 1) && Atomics.load(closed, phase) === 0);
      dawdle();
      Atomics.add(ran, phase * mostTasks + task, 1);
      Atomics.add(shares, thread, 1);
    },
    spare: spare ? (task) => spareTask(task, current) : null,
    gathers,
    close: (command) => {
      const phase = phaseOf(numberOf(command), index);
      for (const task of all) must(Atomics.load(ran, phase * mostTasks + task) === 1);
      if (gathers !== null)
        for (let before = phase - index; before < phase; before++)
          if (phases[before % phases.length].spare)
            for (let task = 0; task < phases[before % phases.length].tasks; task++)
              must(Atomics.load(spared, before * mostTasks + task) === 1);
      Atomics.add(closed, phase, 1);
      return true;
    },
  };
});

const team = new Team({
  words: control,
  thread,
  threads,
  phasesOf: (command) => (command.kind === "step" ? list : []),
});
parentPort!.postMessage("ready");
if (thread > 0) team.follow();
else {
  for (let start = 0; start < commands; start++) {
    team.perform({ kind: "step", step: { kind: "whole", start, epoch: 1, withNorm: false } });
    for (let phase = 0; phase < phases.length; phase++) must(Atomics.load(closed, phaseOf(start, phase)) === 1);
  }
  team.end();
}
parentPort!.postMessage("done");
