/**
 * A process that was started by the stack ends with it, also where the stack is killed: the channel between them
 * breaks.
 */
export function endWithParent(): void {
  if (process.channel) process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
}
