/**
 * Threads over one shared memory: a barrier that spins briefly and then sleeps, and a word that says what to do next. The only user of Atomics.
 *
 *   control words (int32)      0 request · 1 arrived · 2 generation · 3 sleepers · 4 command · 5 … arguments
 *
 * Thread 0 sets command and arguments, then all meet at the barrier and work; they meet again wherever a phase ends, at least once a command: that is why no
 * thread still reads a command when the next is written. A thread never waits for anything else.
 */

export const controlInts = 32;
const [arrived, generation, sleepers, commandWord, firstArgument] = [1, 2, 3, 4, 5];
/** Looks before sleeping, some 0.15 ms: being woken takes time too, and a step of a small network is over in half a millisecond. */
const spins = 20_000;

export class Team {
  readonly thread: number;
  readonly threads: number;
  private readonly words: Int32Array;

  constructor({ words, thread, threads }: { words: Int32Array; thread: number; threads: number }) {
    this.words = words;
    this.thread = thread;
    this.threads = threads;
  }

  /** Returns when all threads have come. What a thread wrote before is seen by all after. */
  barrier(): void {
    const { words, threads } = this;
    if (threads === 1) return;
    const now = Atomics.load(words, generation!);
    if (Atomics.add(words, arrived!, 1) === threads - 1) {
      Atomics.store(words, arrived!, 0);
      Atomics.add(words, generation!, 1);
      if (Atomics.load(words, sleepers!) > 0) Atomics.notify(words, generation!);
      return;
    }
    for (let spin = 0; spin < spins; spin++) if (Atomics.load(words, generation!) !== now) return;
    Atomics.add(words, sleepers!, 1);
    while (Atomics.load(words, generation!) === now) Atomics.wait(words, generation!, now);
    Atomics.sub(words, sleepers!, 1);
  }

  /** Thread 0: says what is next and lets the others begin. */
  command(code: number, given: readonly number[] = []): void {
    Atomics.store(this.words, commandWord!, code);
    for (const [index, value] of given.entries()) Atomics.store(this.words, firstArgument! + index, value);
    this.barrier();
  }

  /** The other threads: wait for what is next. */
  next(): { code: number; given: (index: number) => number } {
    this.barrier();
    return { code: Atomics.load(this.words, commandWord!), given: (index) => Atomics.load(this.words, firstArgument! + index) };
  }

  /** The bits somebody outside has set since the last look; they are cleared. */
  takeRequests(): number {
    return Atomics.load(this.words, 0) === 0 ? 0 : Atomics.exchange(this.words, 0, 0);
  }
}
