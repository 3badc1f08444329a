/**
 * Programs: lists of kernel calls, recorded once when a network is planned and run by every implementation of the
 * kernels. A call is 32 words in the shared memory (kernels/kernels.ts has the picture). Recording decides nothing
 * about numbers and touches no memory; `install` writes the words once, before the first thread starts.
 */
import { callBytes, callWords, contract, opcodes } from "./kernels/kernels.ts";
import type { KernelArguments, KernelName, Kernels } from "./kernels/kernels.ts";
import type { MemoryPlan, Views } from "./memory.ts";

/** A list of calls that runs from beginning to end on one thread. */
export class Program {
  readonly #recorded: number[] = [];
  #address = 0;

  /** Appends a call. Arguments are addresses, counts and codes; see the contract. */
  call<Name extends KernelName>(name: Name, given: KernelArguments<Name>): this {
    const words = contract[name].map((argument) => given[argument as keyof KernelArguments<Name>]);
    this.#recorded.push(opcodes[name], ...words, ...new Array<number>(callWords - 1 - words.length).fill(0));
    return this;
  }

  /** Appends all calls of another. */
  append(other: Program): this {
    for (const word of other.#recorded) this.#recorded.push(word);
    return this;
  }

  get calls(): number {
    return this.#recorded.length / callWords;
  }

  /** The kernels' names in order, for tests and for the curious. */
  names(): KernelName[] {
    const names = Object.keys(contract) as KernelName[];
    return Array.from({ length: this.calls }, (_, call) => names[this.#recorded[call * callWords]]);
  }

  reserve(memory: MemoryPlan): this {
    this.#address = memory.reserve({ what: "a program", element: "byte", count: this.calls * callBytes });
    return this;
  }

  install(views: Views): void {
    views.words.set(this.#recorded, this.#address / 4);
  }

  run(kernels: Kernels): void {
    if (this.#recorded.length > 0) kernels.run(this.#address, this.calls);
  }
}
