/**
 * A process that was started by the stack ends with it, also where the stack is killed: the channel between them
 * breaks. To be called before anything else: the channel may be broken already when the process has come up.
 */
export function endWithParent(): void {
  if (process.send === undefined) return;
  const end = (): void => void process.kill(process.pid, "SIGTERM");
  if (process.connected) process.once("disconnect", end);
  else end();
}
