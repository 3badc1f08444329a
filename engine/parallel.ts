/**
 * Threads over one shared memory: phases whose tasks are taken by whoever is ready. With the claims on samples that are
 * distorted (claims.ts) the only user of Atomics.
 *
 *   control words (int32)      0 request · 16 number of the open phase · 17 sleepers · 32 finished
 *                              48, 64 what is open: phase of the command, number of its first, command (commands.ts)
 *                              80 … by task: number of the phase that it is free in, or 1 more where it is taken
 *
 * A command is a list of phases (execution.ts). Thread 0 opens the first; whoever finishes the last task of a phase
 * closes it and opens the next, or lets the team rest. So nobody waits for a thread that has no task in its hands: one
 * that the machine has stopped, or that is late, finds a phase over and goes on with what is open. Who ran a task
 * leaves no trace in the numbers.
 *
 * What is open is written in turn to one of two places, before its number: a reader that sees the same number before
 * and after has read what belongs together. Numbers run through 2³² and begin again.
 */
import { decode, encode } from "./commands.ts";
import type { Command } from "./commands.ts";

/** Tasks that a phase may have. */
export const mostTasks = 128;
const requestWord = 0;
const openWord = 16;
const sleepersWord = 17;
const finishedWord = 32;
const firstPlace = 48;
const placeWords = 16;
const commandWords = 5;
const firstTask = firstPlace + 2 * placeWords;
export const controlInts = firstTask + mostTasks;
/**
 * Looks before sleeping, some 0.15 ms: being woken takes time too, and a step of a small network is over in half a
 * millisecond.
 */
const spins = 20_000;

/**
 * Returns when the word at `at` no longer is `seen`: looks for a while, then sleeps, counted in the word at `asleep`.
 */
export function awaitChange(words: Int32Array, at: number, seen: number, asleep: number): void {
  for (let spin = 0; spin < spins; spin++) if (Atomics.load(words, at) !== seen) return;
  Atomics.add(words, asleep, 1);
  while (Atomics.load(words, at) === seen) Atomics.wait(words, at, seen);
  Atomics.sub(words, asleep, 1);
}

/** Writes a word that others may be waiting for. */
export function tell(words: Int32Array, at: number, value: number, asleep: number): void {
  Atomics.store(words, at, value);
  if (Atomics.load(words, asleep) > 0) Atomics.notify(words, at);
}

/** Tasks that may run side by side, and what follows when all are done. */
export interface Phase {
  /** All tasks, in the order in which this thread would like to take them. */
  order: readonly number[];
  run(task: number, command: Command): void;
  /**
   * What may wait of a task that has run: its thread does it when there is nothing else to do, at the latest in the
   * phase that `gathers`.
   */
  spare: ((task: number) => void) | null;
  /** Ends only when all that may wait is done, too: of this many tasks. Null: does not wait for it. */
  gathers: number | null;
  /** On whichever thread is the last. False: the command ends here. */
  close(command: Command): boolean;
}

/** Added to the finished tasks in the low half of their word: a spare one, and that the phase gathers. */
const oneSpare = 0x1_0000;
const gathering = 0x8000;

/** What a thread last saw open. */
interface Open {
  number: number;
  /** Of its command's phases. */
  index: number;
  /** Number of the command's first phase. */
  first: number;
  words: readonly number[];
  command: Command;
  phases: readonly Phase[];
}

const atRest: Command = { kind: "rest" };

export class Team {
  readonly thread: number;
  readonly threads: number;
  readonly #words: Int32Array;
  readonly #phasesOf: (command: Command) => readonly Phase[];
  #open: Open = { number: 0, index: 0, first: 0, words: encode(atRest), command: atRest, phases: [] };
  /** At most one. */
  #postponed: { phase: Phase; task: number } | null = null;

  constructor(options: {
    words: Int32Array;
    thread: number;
    threads: number;
    /** The same list for the same command, on every thread. */
    phasesOf: (command: Command) => readonly Phase[];
  }) {
    this.#words = options.words;
    this.#phasesOf = options.phasesOf;
    this.thread = options.thread;
    this.threads = options.threads;
  }

  /** Thread 0: has a command done, and returns when it is. What any thread wrote for it is seen after. */
  perform(command: Command): void {
    const phases = this.#phasesOf(command);
    if (this.threads === 1) {
      performAlone(phases, command);
      return;
    }
    const { number } = this.#look();
    const first = (number + 1) | 0;
    this.#begin({ number, index: 0, first, words: encode(command), command, phases });
    this.#work();
  }

  /** The other threads: work until thread 0 has said `end`. */
  follow(): void {
    for (;;) {
      const { command, number } = this.#work();
      if (command.kind === "end") return;
      awaitChange(this.#words, openWord, number, sleepersWord);
    }
  }

  /** Thread 0: the others go. */
  end(): void {
    const command = { kind: "end" } as const;
    this.#publish({ ...this.#look(), index: 0, words: encode(command) });
  }

  /** The bits somebody outside has set since the last look; they are cleared. */
  takeRequests(): number {
    return Atomics.load(this.#words, requestWord) === 0 ? 0 : Atomics.exchange(this.#words, requestWord, 0);
  }

  /** Takes part in what is open until nothing is, and returns what it saw then. */
  #work(): Open {
    for (;;) {
      const open = this.#look();
      if (open.phases.length === 0) return open;
      this.#runTasks(open);
      while (this.#postponed && Atomics.load(this.#words, openWord) === open.number) this.#runPostponed();
      awaitChange(this.#words, openWord, open.number, sleepersWord);
    }
  }

  #look(): Open {
    const words = this.#words;
    for (;;) {
      const number = Atomics.load(words, openWord);
      if (number === this.#open.number) return this.#open;
      const place = placeOf(number);
      const index = Atomics.load(words, place);
      const first = Atomics.load(words, place + 1);
      const isKnown = first === this.#open.first;
      const read = isKnown
        ? this.#open.words
        : Array.from({ length: commandWords }, (_, at) => Atomics.load(words, place + 2 + at));
      if (Atomics.load(words, openWord) !== number) continue;
      if (isKnown) this.#open = { ...this.#open, number, index };
      else {
        const command = decode(read);
        this.#open = { number, index, first, words: read, command, phases: this.#phasesOf(command) };
      }
      return this.#open;
    }
  }

  /** Runs tasks of the open phase while there are any. */
  #runTasks(open: Open): void {
    const { phases, index, command } = open;
    const phase = phases[index];
    for (let task = this.#take(open); task >= 0; task = this.#take(open)) {
      phase.run(task, command);
      this.#finish(open, 1);
      if (phase.spare) this.#postpone(open, task);
    }
  }

  /** A task that nobody has taken yet, or −1. */
  #take({ number, phases, index }: Open): number {
    const words = this.#words;
    const free = (number - 1) | 0;
    for (const task of phases[index].order) {
      const at = firstTask + task;
      if (Atomics.load(words, at) === free && Atomics.compareExchange(words, at, free, number) === free) return task;
    }
    return -1;
  }

  #hasTasks({ number, phases, index }: Open): boolean {
    const free = (number - 1) | 0;
    return phases[index].order.some((task) => Atomics.load(this.#words, firstTask + task) === free);
  }

  /**
   * What may wait does so only at the end of a phase, so that whoever is done first has something to do; otherwise it
   * is done at once, while what it reads is in the cache.
   */
  #postpone(open: Open, task: number): void {
    const isOneMore = this.#postponed !== null || this.#hasTasks(open);
    const phase = open.phases[open.index];
    if (isOneMore) this.#runSpare(phase, task);
    else this.#postponed = { phase, task };
  }

  #runPostponed(): void {
    const { phase, task } = this.#postponed!;
    this.#postponed = null;
    this.#runSpare(phase, task);
  }

  #runSpare(phase: Phase, task: number): void {
    phase.spare?.(task);
    this.#finish(this.#open, oneSpare);
  }

  /**
   * Counts, and closes the phase where it was the last. The word says of itself whether the open phase gathers: then
   * all its tasks and all that was to be gathered make one number, which no other phase reaches.
   */
  #finish(open: Open, amount: number): void {
    const { phases, index } = open;
    const counted = Atomics.add(this.#words, finishedWord, amount) + amount;
    if (counted & gathering) {
      const last = phases.findIndex(({ gathers }) => gathers !== null);
      const { order, gathers } = phases[last];
      if (counted === gathering + order.length + gathers! * oneSpare) this.#close({ ...this.#open, index: last });
    } else if (amount === 1 && (counted & (gathering - 1)) === phases[index].order.length) this.#close(open);
  }

  /** All tasks are done: on to the next phase. */
  #close({ index, ...open }: Open): void {
    const { phases, command } = open;
    const { order, gathers, close } = phases[index];
    if (gathers === null) Atomics.sub(this.#words, finishedWord, order.length);
    else Atomics.store(this.#words, finishedWord, 0);
    if (close(command)) this.#begin({ ...open, index: index + 1 });
    else this.#publish({ ...open, index: 0, words: encode(atRest) });
  }

  /** Opens a phase of a command, the next one that has tasks, or rest. */
  #begin({ index, ...open }: Open): void {
    const { phases, command } = open;
    let next = index;
    let goesOn = true;
    while (goesOn && next < phases.length && phases[next].order.length === 0) goesOn = phases[next++].close(command);
    if (!goesOn || next === phases.length) this.#publish({ ...open, index: 0, words: encode(atRest) });
    else {
      if (phases[next].gathers !== null) Atomics.add(this.#words, finishedWord, gathering);
      this.#publish({ ...open, index: next });
    }
  }

  /** Nobody has a task in hand: what is open changes. */
  #publish({ index, first, words: command, phases }: Open): void {
    const words = this.#words;
    const before = Atomics.load(words, openWord);
    const number = (before + 1) | 0;
    const place = placeOf(number);
    const isRest = command.length === 1;
    Atomics.store(words, place, index);
    Atomics.store(words, place + 1, isRest ? number : first);
    for (let at = 0; at < commandWords; at++) Atomics.store(words, place + 2 + at, command[at] ?? 0);
    if (!isRest) for (const task of phases[index].order) Atomics.store(words, firstTask + task, before);
    tell(words, openWord, number, sleepersWord);
  }
}

const placeOf = (number: number): number => firstPlace + (number & 1) * placeWords;

/** The same on one thread, which needs no words for it. */
function performAlone(phases: readonly Phase[], command: Command): void {
  for (const phase of phases) {
    for (const task of phase.order) {
      phase.run(task, command);
      phase.spare?.(task);
    }
    if (!phase.close(command)) return;
  }
}
