/**
 * A thread's hold on a planned training: it makes of a command the phases whose tasks the team takes (parallel.ts), and
 * in a task it writes block headers and runs programs (execution-plan.ts). Thread 0 is the training thread. Phases are
 * put together once for each kind of step, so that a step looks nothing up.
 */
import type { Split } from "../schemas/dataset.ts";
import { blockSamples, threadsOf } from "./batches.ts";
import type { Block, Task } from "./batches.ts";
import type { Command, Part, Step, StepKind } from "./commands.ts";
import type { BatchPrograms, ExecutionPlan, SplitPrograms } from "./execution-plan.ts";
import { headerCount, headerResults, headerRows, headerSamples } from "./kernels/kernels.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { Views } from "./memory.ts";
import { writeConstants } from "./network.ts";
import { Team, controlInts } from "./parallel.ts";
import type { Phase } from "./parallel.ts";
import type { Program } from "./program.ts";
import { Staging } from "./staging.ts";
import type { Slot } from "./passes.ts";
import type { PlannedGroup } from "./slots.ts";
import { gradientNorm } from "./update.ts";
import type { UpdatePhases } from "./update.ts";

/** Sums over a batch or a split. */
export interface Sums {
  loss: number;
  correct: number;
}

/** Whose each of so many tasks is: runs of them, which stay on their thread while it is ready for them. */
const ownersOf = (tasks: number, threads: number): number[] =>
  Array.from({ length: tasks }, (_, task) => Math.floor((task * threads) / tasks));

/** A thread's own tasks from their beginning, then the others' from their end; or, from the end, the other way round. */
function orderOf(owners: readonly number[], thread: number, direction: "forth" | "back" = "forth"): readonly number[] {
  const tasks = direction === "forth" ? [...owners.keys()] : [...owners.keys()].reverse();
  const own = tasks.filter((task) => owners[task] === thread);
  return [...own, ...tasks.filter((task) => owners[task] !== thread).reverse()];
}

export class Execution {
  readonly plan: ExecutionPlan;
  readonly views: Views;
  readonly team: Team;
  /** Where samples are distorted. */
  readonly staging: Staging | null;
  readonly #kernels: Kernels;
  readonly #order: Uint32Array;
  readonly #thread: number;
  readonly #threads: number;
  readonly #steps = new Map<string, readonly Phase[]>();

  constructor({
    plan,
    buffer,
    kernels,
    thread,
  }: {
    plan: ExecutionPlan;
    buffer: ArrayBufferLike;
    kernels: Kernels;
    thread: number;
  }) {
    const { spec, regions } = plan;
    const { threads, counts } = spec;
    this.plan = plan;
    this.#kernels = kernels;
    this.#thread = thread;
    this.#threads = threads;
    this.views = new Views(buffer, plan.memory.realBytes);
    const control = regions.control / 4;
    this.team = new Team({
      words: this.views.ints.subarray(control, control + controlInts),
      thread,
      threads,
      phasesOf: (command) => this.#phasesOf(command),
    });
    this.#order = this.views.words.subarray(regions.order / 4, regions.order / 4 + counts.train);
    this.staging = regions.staging && new Staging({ spec, regions, views: this.views });
  }

  /** Thread 0, once: programs and constants into the memory. */
  install(): void {
    for (const program of this.plan.programs) program.install(this.views);
    this.plan.memory.install(this.views);
    writeConstants(this.plan.network, this.views, this.plan.spec.normalisation);
  }

  /** Writes the header of a block. Its samples stand one after the other from row `row`; null: as in the order. */
  #openBlock({ header }: Slot, { first, count }: Block, start: number, row: number | null): void {
    const { ints } = this.views;
    const at = header / 4;
    ints[at + headerCount] = count;
    for (let lane = 0; lane < count; lane++) {
      const sample = this.#order[start + first + lane];
      ints[at + headerRows + lane] = row === null ? sample : row + lane;
      ints[at + headerSamples + lane] = sample;
      ints[at + headerResults + lane] = first + lane;
    }
  }

  /** What the command has this thread do, phase after phase. */
  #phasesOf(command: Command): readonly Phase[] {
    if (command.kind === "step") return this.#stepPhases(command.step);
    return command.kind === "evaluate" ? this.#evaluationPhases(command.part) : [];
  }

  #stepPhases({ kind, withNorm }: Step): readonly Phase[] {
    const key = `${kind} ${withNorm}`;
    let phases = this.#steps.get(key);
    if (!phases) {
      const batch = this.plan.training.steps[kind];
      if (!batch) throw new Error(`this training was planned without steps of the kind '${kind}'`);
      phases = this.#planStep(kind, batch, (withNorm ? batch.normUpdate : null) ?? batch.update);
      this.#steps.set(key, phases);
    }
    return phases;
  }

  /** The passes, then — unless the loss is no longer finite — the update, and what follows from new weights. */
  #planStep(kind: StepKind, batch: BatchPrograms, { phases: update }: UpdatePhases): readonly Phase[] {
    const { training } = this.plan;
    const moves = kind === "whole" || kind === "last";
    const after = [...update.map(({ programs }) => programs), ...(moves ? [training.prepare] : [])];
    return [
      ...this.#planPasses(kind, batch, () => {
        const { loss } = this.#sumTotals(training.totals, batch.cut.shards);
        return Number.isFinite(loss);
      }),
      ...after.map((programs, index): Phase => ({
        order: orderOf(ownersOf(programs.length, this.#threads), this.#thread),
        run: (task) => programs[task].run(this.#kernels),
        spare: null,
        gathers: null,
        close: () => {
          if (update[index + 1]?.clips) this.#writeClipScale();
          return true;
        },
      })),
    ];
  }

  /**
   * Phase by phase until the whole batch is joined. Every other phase begins with the tasks that the one before ended
   * with: what those wrote last is still near.
   */
  #planPasses(kind: StepKind, batch: BatchPrograms, end: () => boolean): readonly Phase[] {
    const { cut, tasks, groups, begin, phases } = batch;
    const kernels = this.#kernels;
    const staging = kind === "curvature" ? null : this.staging;
    const owners = threadsOf(tasks, this.#threads);
    const orders = (["forth", "back"] as const).map((direction) => orderOf(owners, this.#thread, direction));
    const groupsOf = this.#groupsByTask(tasks, groups);
    const last = phases.length - 1;
    const waits = phases.map(({ spare }) => spare.some(({ calls }) => calls > 0));
    const waiting = tasks.length * waits.filter(Boolean).length;
    return phases.map(({ programs, spare, join }, index): Phase => ({
      order: orders[index % 2],
      run: (task, command) => {
        if (index === 0) for (const shard of tasks[task].shards) begin[shard].run(kernels);
        for (const at of groupsOf[task]) {
          const { slots, rounds } = groups[at];
          for (const blocks of rounds) {
            if (index === 0 && command.kind === "step") {
              const { step } = command;
              for (const [place, block] of blocks.entries()) {
                const opened = cut.blocks[block];
                this.#openBlock(slots[place], opened, step.start, staging && staging.open(step, opened));
              }
            }
            programs[at].run(kernels);
          }
        }
      },
      spare: waits[index]
        ? (task) => {
            for (const at of groupsOf[task]) spare[at].run(kernels);
          }
        : null,
      gathers: index === last ? waiting : null,
      close: () => {
        join?.run(kernels);
        return index < last || end();
      },
    }));
  }

  /** By task: the groups that this thread uses for it. */
  #groupsByTask(tasks: readonly Task[], groups: readonly PlannedGroup[]): readonly (readonly number[])[] {
    return tasks.map((_, wanted) =>
      groups.flatMap(({ task, thread }, at) =>
        task === wanted && (thread === null || thread === this.#thread) ? [at] : [],
      ),
    );
  }

  /** Thread 0: a step from its first block to new weights, on all threads. Returns the batch's sums. */
  runStep(step: Step): Sums {
    const { training } = this.plan;
    this.team.perform({ kind: "step", step });
    const shards = training.steps[step.kind]?.cut.shards ?? 0;
    return this.#sumTotals(training.totals, shards);
  }

  /** The gradient is shortened to `clipNorm`, as PyTorch does it: factor = min(1, clipNorm / (norm + 1e-6)). */
  #writeClipScale(): void {
    const { plan, views } = this;
    const { update } = plan.training;
    const longest = plan.spec.optimiser.clipNorm ?? Infinity;
    views.reals(update.clipScale, 1)[0] = Math.min(1, longest / (gradientNorm(views, update) + 1e-6));
  }

  /** Thread 0 with all others at rest: what follows from weights that came from elsewhere. */
  prepareAll(): void {
    const { network, training } = this.plan;
    // Layers that are frozen stand on their running statistics in training too.
    for (const layer of network.layers) layer.beforeEvaluation?.(this.views);
    for (const program of [...training.prepare, training.prepareFrozen]) program.run(this.#kernels);
  }

  /** Thread 0 with all others at rest, before steps of the kind `curvature`. */
  prepareCurvature(): void {
    this.plan.training.prepareCurvature.run(this.#kernels);
  }

  /** Thread 0: passes a part of a split forward; outputs go to `results`, from row 0. Returns its sums. */
  runEvaluation(part: Part): Sums {
    this.team.perform({ kind: "evaluate", part });
    return this.#sumTotals(this.plan.evaluation.totals, this.#programsOf(part.split).cut.shards);
  }

  #evaluationPhases({ split }: Part): readonly Phase[] {
    const { tasks, groups, programs } = this.#programsOf(split);
    const { totals } = this.plan.evaluation;
    const groupsOf = this.#groupsByTask(tasks, groups);
    return [
      {
        order: orderOf(threadsOf(tasks, this.#threads), this.#thread),
        run: (task, command) => {
          if (command.kind !== "evaluate") return;
          for (const shard of tasks[task].shards) this.views.doubles.fill(0, totals(shard) / 8, totals(shard) / 8 + 2);
          for (const at of groupsOf[task]) this.#evaluateGroup(groups[at], programs[at], command.part);
        },
        spare: null,
        gathers: null,
        close: () => true,
      },
    ];
  }

  #evaluateGroup({ slots, rounds }: PlannedGroup, program: Program, { first, count }: Part): void {
    const { ints } = this.views;
    for (const blocks of rounds) {
      if (blocks[0] * blockSamples >= count) break;
      for (const [place, block] of blocks.entries()) {
        const header = slots[place].header / 4;
        const from = block * blockSamples;
        const present = Math.max(0, Math.min(blockSamples, count - from));
        ints[header + headerCount] = present;
        for (let lane = 0; lane < present; lane++) {
          ints[header + headerRows + lane] = first + from + lane;
          ints[header + headerSamples + lane] = first + from + lane;
          ints[header + headerResults + lane] = from + lane;
        }
      }
      program.run(this.#kernels);
    }
  }

  #programsOf(split: Split): SplitPrograms {
    const programs = this.plan.evaluation.splits[split];
    if (!programs) throw new Error(`the split '${split}' has no samples`);
    return programs;
  }

  #sumTotals(totals: (shard: number) => number, shards: number): Sums {
    let loss = 0;
    let correct = 0;
    for (let shard = 0; shard < shards; shard++) {
      const at = totals(shard) / 8;
      loss += this.views.doubles[at];
      correct += this.views.doubles[at + 1];
    }
    return { loss, correct };
  }
}
