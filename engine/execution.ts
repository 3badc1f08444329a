/**
 * A thread's hold on a planned training: between barriers it writes block headers and runs programs
 * (execution-plan.ts), and that is all it does. Thread 0 is the training thread; which part of a batch a thread works
 * is picked out once, so that a step looks nothing up.
 */
import type { Split } from "../schemas/dataset.ts";
import { blockSamples, threadsOf } from "./batches.ts";
import type { Block } from "./batches.ts";
import type { Part, Step, StepKind } from "./commands.ts";
import { stepKinds } from "./commands.ts";
import type { BatchPrograms, ExecutionPlan, SplitPrograms } from "./execution-plan.ts";
import { headerCount, headerResults, headerRows, headerSamples } from "./kernels/kernels.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { Views } from "./memory.ts";
import { writeConstants } from "./network.ts";
import { Team, controlInts } from "./parallel.ts";
import type { Program } from "./program.ts";
import { Staging } from "./staging.ts";
import type { PlannedSlot } from "./slots.ts";
import { gradientNorm } from "./update.ts";
import type { UpdatePhases } from "./update.ts";

/** Sums over a batch or a split, which every thread reads alike. */
export interface Sums {
  loss: number;
  correct: number;
}

/** What one thread runs for a phase. */
interface Task {
  /** First, on thread 0: what joins the whole batch. */
  join: Program | null;
  slots: readonly { slot: PlannedSlot; program: Program }[];
}

/** One thread's part of a batch, picked out once so that a step looks nothing up. */
interface Work {
  blocks: readonly Block[];
  shards: number;
  begin: readonly Program[];
  tasks: readonly Task[];
  update: UpdatePhases;
  normUpdate: UpdatePhases | null;
}

function workOf(
  { cut, slots, begin, phases, update, normUpdate }: BatchPrograms,
  { thread, threads }: { thread: number; threads: number },
): Work {
  const owners = threadsOf(cut, threads);
  return {
    blocks: cut.blocks,
    shards: cut.shards,
    begin: begin.filter((_, shard) => owners[shard] === thread),
    tasks: phases.map((phase): Task => {
      if (phase.kind === "join") return { join: thread === 0 ? phase.program : null, slots: [] };
      const all = slots.map((slot, at) => ({ slot, program: phase.programs[at] }));
      return { join: null, slots: all.filter(({ slot }) => slot.thread === thread) };
    }),
    update,
    normUpdate,
  };
}

export class Execution {
  readonly plan: ExecutionPlan;
  readonly views: Views;
  readonly team: Team;
  /** Where samples are distorted. */
  readonly staging: Staging | null;
  readonly #kernels: Kernels;
  readonly #order: Uint32Array;
  readonly #work: ReadonlyMap<StepKind, Work>;
  readonly #prepares: boolean;

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
    const { spec, regions, training } = plan;
    const { threads, counts } = spec;
    this.plan = plan;
    this.#kernels = kernels;
    this.views = new Views(buffer, plan.memory.realBytes);
    const control = regions.control / 4;
    this.team = new Team({ words: this.views.ints.subarray(control, control + controlInts), thread, threads });
    this.#order = this.views.words.subarray(regions.order / 4, regions.order / 4 + counts.train);
    this.staging = regions.staging && new Staging({ spec, regions, views: this.views });
    this.#work = new Map(
      stepKinds.flatMap((kind) => {
        const batch = training.steps[kind];
        return batch ? [[kind, workOf(batch, { thread, threads })]] : [];
      }),
    );
    this.#prepares = training.prepare.some((program) => program.calls > 0);
  }

  /** Thread 0, once: programs and constants into the memory. */
  install(): void {
    for (const program of this.plan.programs) program.install(this.views);
    this.plan.training.update.install(this.views);
    writeConstants(this.plan.network, this.views, this.plan.spec.normalisation);
  }

  /**
   * Writes the header of a block; where samples are distorted (`staging` is given), sees to it that those of the block
   * are.
   */
  #openBlock(slot: PlannedSlot, block: Block, step: Step, staging: Staging | null): void {
    const { ints } = this.views;
    const { first, count } = block;
    const header = slot.header / 4;
    const row = staging === null ? 0 : staging.open(step, block);
    ints[header + headerCount] = count;
    for (let lane = 0; lane < count; lane++) {
      const sample = this.#order[step.start + first + lane];
      ints[header + headerRows + lane] = staging ? row + lane : sample;
      ints[header + headerSamples + lane] = sample;
      ints[header + headerResults + lane] = first + lane;
    }
  }

  /**
   * This thread's part of a step: passes, then — unless the loss is no longer finite — the update. Returns the batch's
   * sums. The end of the last phase is not awaited: the next command does that.
   */
  runStep(step: Step): Sums {
    const { team } = this;
    const kernels = this.#kernels;
    const work = this.#work.get(step.kind);
    if (!work) throw new Error(`this training was planned without steps of the kind '${step.kind}'`);
    const staging = step.kind === "curvature" ? null : this.staging;
    for (const program of work.begin) program.run(kernels);
    for (const [phase, { join, slots }] of work.tasks.entries()) {
      join?.run(kernels);
      for (const { slot, program } of slots) {
        for (const block of slot.blocks) {
          if (phase === 0) this.#openBlock(slot, work.blocks[block], step, staging);
          program.run(kernels);
        }
      }
      team.barrier();
    }
    const sums = this.#sumTotals(this.plan.training.totals, work.shards);
    if (Number.isFinite(sums.loss)) {
      this.#runUpdate((step.withNorm ? work.normUpdate : null) ?? work.update);
      if (step.kind === "whole" || step.kind === "last") this.#prepare();
    }
    return sums;
  }

  #runUpdate({ phases }: UpdatePhases): void {
    for (const [index, { clips, programs }] of phases.entries()) {
      if (index > 0) this.team.barrier();
      if (clips) this.#writeClipScale();
      programs[this.team.thread].run(this.#kernels);
    }
  }

  /** After the weights have moved: effective filters. */
  #prepare(): void {
    if (!this.#prepares) return;
    this.team.barrier();
    this.plan.training.prepare[this.team.thread].run(this.#kernels);
  }

  /** The gradient is shortened to `clipNorm`, as PyTorch does it: factor = min(1, clipNorm / (norm + 1e-6)). */
  #writeClipScale(): void {
    const { plan, views, team } = this;
    const { update } = plan.training;
    const longest = plan.spec.optimiser.clipNorm ?? Infinity;
    views.reals(update.clipScale(team.thread), 1)[0] = Math.min(1, longest / (gradientNorm(views, update) + 1e-6));
  }

  /** Thread 0: meets all threads, so that what they wrote can be read. */
  settle(): void {
    this.team.command({ kind: "rest" });
    this.team.barrier();
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

  /** This thread's part of an evaluation; outputs go to `results`, from row 0. */
  runEvaluation({ split, first, count }: Part): void {
    const { ints, doubles } = this.views;
    for (const { slot, program } of this.#programsOf(split)) {
      if (slot.thread !== this.team.thread) continue;
      doubles.fill(0, slot.totals / 8, slot.totals / 8 + 2);
      for (const block of slot.blocks) {
        const from = block * blockSamples;
        const present = Math.min(blockSamples, count - from);
        if (present <= 0) break;
        const header = slot.header / 4;
        ints[header + headerCount] = present;
        for (let lane = 0; lane < present; lane++) {
          ints[header + headerRows + lane] = first + from + lane;
          ints[header + headerSamples + lane] = first + from + lane;
          ints[header + headerResults + lane] = from + lane;
        }
        program.run(this.#kernels);
      }
    }
    this.team.barrier();
  }

  /** Of the last part of a split that was evaluated. */
  evaluationSums(split: Split): Sums {
    return this.#sumTotals(this.plan.evaluation.totals, this.#programsOf(split).length);
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
