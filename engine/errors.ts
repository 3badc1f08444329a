/**
 * What the engine throws when it refuses: a code for programs, a sentence for people, and where it concerns a request,
 * a JSON pointer. Divergence is an outcome of a training and never thrown; a wrong argument from our own code is a
 * plain Error.
 */
export type EngineErrorCode =
  /** The layers cannot be run on this input. */
  | "network-does-not-fit"
  /** It would take more memory than can be addressed. */
  | "too-large"
  /** A file written by others, or damaged, that cannot be read. */
  | "invalid-file"
  /** A checkpoint that belongs to another network or another request. */
  | "checkpoint-does-not-fit";

export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;
  /** What was wrong, where, and what would be right. */
  readonly detail: string;
  /** JSON pointer into the request's network or settings, such as `/layers/2/size`. */
  readonly pointer: string | undefined;

  constructor(options: { code: EngineErrorCode; detail: string; pointer?: string }) {
    super(options.pointer === undefined ? options.detail : `${options.pointer}: ${options.detail}`);
    this.code = options.code;
    this.detail = options.detail;
    this.pointer = options.pointer;
  }
}
