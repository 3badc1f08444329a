/** A button that asks before it does what cannot be taken back. */
import type { ComponentChildren, JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { asError } from "../service.ts";
import { ProblemNote } from "./basics.tsx";

export interface ConfirmProps {
  label: string;
  /** What would happen, as a question. */
  question: string;
  act: () => Promise<void>;
  children?: ComponentChildren;
}

export function Confirm({ label, question, act, children }: ConfirmProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const sure = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      await act();
      dialog.current?.close();
    } catch (error) {
      setProblem(asError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" class="danger" onClick={() => dialog.current?.showModal()}>
        {label}
      </button>
      <dialog ref={dialog} class="dialog" aria-label={label}>
        <p>{question}</p>
        {children}
        <ProblemNote problem={problem} />
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            No, keep it
          </button>
          <button type="button" class="danger strong" disabled={isBusy} onClick={() => void sure()}>
            {label}
          </button>
        </div>
      </dialog>
    </>
  );
}
