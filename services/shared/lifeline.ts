/** A process ends with whoever started it, also where that one was killed. To be called before anything else. */

const lookEveryMs = 500;

function endNow(): void {
  process.kill(process.pid, "SIGTERM");
}

/**
 * Started by the stack: the channel between them breaks. It may be broken already when the process has come up. Started
 * by npm, which is killed without a word to us: we get another parent.
 */
export function endWithParent(): void {
  if (process.send !== undefined) {
    if (process.connected) process.once("disconnect", endNow);
    else endNow();
    return;
  }
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const parent = process.ppid;
  const looking = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(looking);
    endNow();
  }, lookEveryMs);
  looking.unref();
}
