/**
 * Arguments of Node for a process of the api. Answers are garbage within milliseconds: a young generation of this size
 * is collected some dozen times a second in about two milliseconds each, and a larger one only holds more.
 * By one thread: V8's other collectors wait for processors that answers need.
 */
export const apiNodeArguments: string[] = ["--max-semi-space-size=8", "--no-parallel-scavenge"];
