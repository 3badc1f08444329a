/** The time, for what says how long ago something was. */
import { signal } from "@preact/signals";

const tickMs = 5000;
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, tickMs);
