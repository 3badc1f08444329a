/** What a computation answers when it cannot: a kind for programs, a sentence for people. */
export type ComputationFault =
  /** The request cannot be computed: the sentence is for whoever sent it. */
  | "refused"
  /** It took longer than its limit. */
  | "timeout"
  /** Too much is waiting already. */
  | "overloaded"
  /** The thread died or threw what it should not. */
  | "failed"
  /** The service is ending. */
  | "closed";

export class ComputationError extends Error {
  override readonly name = "ComputationError";
  readonly fault: ComputationFault;
  /** JSON pointer into the network or settings, where the fault lies in one place. */
  readonly pointer: string | undefined;

  constructor({ fault, detail, pointer }: { fault: ComputationFault; detail: string; pointer?: string | undefined }) {
    super(detail);
    this.fault = fault;
    this.pointer = pointer;
  }
}
