/** Text to take away: shown as it is, copied at a button. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

const shownMs = 1500;

export function CopyButton({ text, what }: { text: string; what: string }): JSX.Element {
  const [isDone, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text).catch(() => undefined);
    setDone(true);
    setTimeout(() => setDone(false), shownMs);
  };
  return (
    <button type="button" class="small" aria-label={`Copy ${what}`} onClick={() => void copy()}>
      <span aria-live="polite">{isDone ? "Copied" : "Copy"}</span>
    </button>
  );
}

export const Code = ({ text, what }: { text: string; what: string }): JSX.Element => (
  <div class="code">
    {/* A keyboard must be able to scroll it. */}
    <pre tabIndex={0} aria-label={what}>
      <code>{text}</code>
    </pre>
    <CopyButton text={text} what={what} />
  </div>
);
