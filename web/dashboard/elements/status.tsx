/** Where a job, dataset or sweep stands: by a word and a shape, not by colour alone. */
import type { JSX } from "preact";

const signs: Readonly<Record<string, { sign: string; tone: string }>> = {
  queued: { sign: "○", tone: "quiet" },
  receiving: { sign: "◐", tone: "active" },
  checking: { sign: "◐", tone: "active" },
  running: { sign: "◐", tone: "active" },
  pausing: { sign: "◐", tone: "quiet" },
  paused: { sign: "‖", tone: "quiet" },
  cancelling: { sign: "◐", tone: "quiet" },
  cancelled: { sign: "×", tone: "quiet" },
  stopped: { sign: "□", tone: "quiet" },
  succeeded: { sign: "✓", tone: "good" },
  ready: { sign: "✓", tone: "good" },
  failed: { sign: "!", tone: "bad" },
  rejected: { sign: "!", tone: "bad" },
};

export function Status({ of }: { of: string }): JSX.Element {
  const { sign, tone } = signs[of] ?? { sign: "·", tone: "quiet" };
  return (
    <span class={`status ${tone}`}>
      <span aria-hidden="true">{sign}</span> {of}
    </span>
  );
}
