/**
 * A thread's hold on a planned training: between barriers it writes block headers and runs programs
 * (execution-plan.ts), and that is all it does. Thread 0 is the training thread; which part of a batch a thread works
 * is picked out once, so that a step looks nothing up and allocates nothing.
 */
import type { Split } from "../schemas/dataset.ts";
import { threadsOf } from "./batches.ts";
import type { Block, Cut } from "./batches.ts";
import type { BatchPrograms, ExecutionPlan } from "./execution-plan.ts";
import { headerCount, headerResults, headerRows, headerSamples } from "./kernels/kernels.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { Views } from "./memory.ts";
import { writeConstants } from "./network.ts";
import { Team, controlInts } from "./parallel.ts";
import type { Program } from "./program.ts";
import { Staging } from "./staging.ts";
import type { PlannedUnit } from "./units.ts";
import { gradientNorm } from "./update.ts";
import type { UpdatePhases } from "./update.ts";

export interface StepArguments {
  /** 0: a whole batch, 1: the smaller last one, 2: second derivatives, 3 and 4: inspection, forward and gradient. */
  kind: 0 | 1 | 2 | 3 | 4;
  /** Place of the batch's first sample in the order. */
  start: number;
  epoch: number;
  withNorm: boolean;
}

/** One thread's part of a batch, picked out once so that a step looks nothing up. */
interface Work {
  cut: Cut;
  begin: Program[];
  phases: { unit: PlannedUnit; program: Program }[][];
  join: (Program | null)[];
  update: UpdatePhases;
  normUpdate: UpdatePhases | null;
}

function workOf(
  { cut, units, begin, phases, update, normUpdate }: BatchPrograms,
  thread: number,
  threads: number,
): Work {
  const owners = threadsOf(cut, threads);
  return {
    cut,
    begin: begin.filter((_, shard) => owners[shard] === thread),
    phases: phases.map((phase) =>
      phase.kind === "join"
        ? []
        : units.flatMap((unit, at) => (unit.thread === thread ? [{ unit, program: phase.programs[at] }] : [])),
    ),
    join: phases.map((phase) => (phase.kind === "join" && thread === 0 ? phase.program : null)),
    update,
    normUpdate,
  };
}

/** One thread's hold on an execution. */
export class Execution {
  readonly plan: ExecutionPlan;
  readonly views: Views;
  readonly team: Team;
  /** Where samples are distorted. */
  readonly staging: Staging | null;
  readonly #kernels: Kernels;
  readonly #order: Uint32Array;
  /** By kind of step. */
  readonly #work: readonly (Work | null)[];
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
    this.plan = plan;
    this.#kernels = kernels;
    this.views = new Views(buffer, plan.memory.realBytes);
    this.team = new Team({
      words: this.views.ints.subarray(plan.control / 4, plan.control / 4 + controlInts),
      thread,
      threads: plan.spec.threads,
    });
    this.#order = this.views.words.subarray(plan.order / 4, plan.order / 4 + plan.spec.counts.train);
    this.staging = plan.staging && new Staging({ plan, views: this.views });
    const { full, tail, curvature, inspection } = plan;
    this.#work = [full, tail, curvature, inspection?.forward, inspection?.gradient].map((batch) =>
      batch ? workOf(batch, thread, plan.spec.threads) : null,
    );
    this.#prepares = plan.prepare.some((program) => program.calls > 0);
  }

  /** Thread 0, once: programs and constants into the memory. */
  install(): void {
    for (const program of this.plan.programs) program.install(this.views);
    this.plan.update.install(this.views);
    writeConstants(this.plan.network, this.views, this.plan.spec.normalisation);
  }

  /**
   * Writes the header of a block; where samples are distorted (`staging` is given), sees to it that those of the block
   * are.
   */
  #openBlock(unit: PlannedUnit, block: Block, step: StepArguments, staging: Staging | null): void {
    const { ints } = this.views;
    const { first, count } = block;
    const header = unit.header / 4;
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
   * summed loss and correct answers, which every thread reads alike. The end of the last phase is not awaited: the next
   * command does that.
   */
  runStep(step: StepArguments): { loss: number; correct: number } {
    const { plan, team } = this;
    const kernels = this.#kernels;
    const work = this.#work[step.kind]!;
    const staging = step.kind === 2 ? null : this.staging;
    for (const program of work.begin) program.run(kernels);
    for (let phase = 0; phase < work.phases.length; phase++) {
      work.join[phase]?.run(kernels);
      for (const { unit, program } of work.phases[phase]) {
        for (const block of unit.blocks) {
          if (phase === 0) this.#openBlock(unit, work.cut.blocks[block], step, staging);
          program.run(kernels);
        }
      }
      team.barrier();
    }
    const sums = this.#sumTotals(plan.totals, work.cut.shards);
    if (Number.isFinite(sums.loss)) this.#runUpdate(step.withNorm ? work.normUpdate! : work.update, step.kind < 2);
    return sums;
  }

  #runUpdate({ phases }: UpdatePhases, prepares: boolean): void {
    const { plan, team } = this;
    const kernels = this.#kernels;
    for (const [index, phase] of phases.entries()) {
      if (index > 0) team.barrier();
      if (phase.clips) this.#writeClipScale();
      phase.programs[team.thread].run(kernels);
    }
    if (prepares && this.#prepares) {
      team.barrier();
      plan.prepare[team.thread].run(kernels);
    }
  }

  /** The gradient is shortened to `clipNorm`, as PyTorch does it: factor = min(1, clipNorm / (norm + 1e-6)). */
  #writeClipScale(): void {
    const { plan, views, team } = this;
    const norm = gradientNorm(views, plan.update);
    views.reals(plan.update.clipScale(team.thread), 1)[0] = Math.min(1, plan.spec.optimiser.clipNorm! / (norm + 1e-6));
  }

  /** Thread 0 with all others at rest: effective filters after the weights came from elsewhere. */
  prepareAll(): void {
    for (const program of this.plan.prepare) program.run(this.#kernels);
  }

  prepareCurvature(): void {
    this.plan.prepareCurvature.run(this.#kernels);
  }

  /** This thread's part of an evaluation of samples first … first + count of a split; outputs go to `results`. */
  runEvaluation(split: Split, first: number, count: number): void {
    const { units, programs } = this.plan.evaluation[split]!;
    const { ints } = this.views;
    for (const [at, unit] of units.entries()) {
      if (unit.thread !== this.team.thread) continue;
      this.views.doubles.fill(0, unit.totals / 8, unit.totals / 8 + 2);
      for (const block of unit.blocks) {
        const from = block * 8;
        const present = Math.min(8, count - from);
        if (present <= 0) break;
        const header = unit.header / 4;
        ints[header + headerCount] = present;
        for (let lane = 0; lane < present; lane++) {
          ints[header + headerRows + lane] = first + from + lane;
          ints[header + headerSamples + lane] = first + from + lane;
          ints[header + headerResults + lane] = from + lane;
        }
        programs[at].run(this.#kernels);
      }
    }
    this.team.barrier();
  }

  evaluationSums(split: Split): { loss: number; correct: number } {
    return this.#sumTotals(this.plan.evaluationTotals, this.plan.evaluation[split]!.units.length);
  }

  #sumTotals(totals: (shard: number) => number, shards: number): { loss: number; correct: number } {
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
