/** A named control with what it means, and the problem that the service has with it. */
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { Sentence } from "./basics.tsx";

export interface ControlAttributes {
  id: string;
  title?: string;
  "aria-describedby"?: string;
  "aria-invalid"?: boolean;
}

export interface FieldProps {
  label: string;
  hint?: string | undefined;
  problem?: string | undefined;
  class?: string;
  children: (attributes: ControlAttributes) => ComponentChildren;
}

export function Field({ label, hint, problem, class: className = "", children }: FieldProps): JSX.Element {
  const id = useId();
  const said = [hint === undefined ? "" : `${id}-hint`, problem === undefined ? "" : `${id}-problem`].filter(Boolean);
  return (
    <div class={`field ${className}`}>
      <label class="field-label" for={id}>
        {label}
      </label>
      {children({
        id,
        ...(said.length > 0 ? { "aria-describedby": said.join(" ") } : {}),
        ...(problem === undefined ? {} : { "aria-invalid": true }),
      })}
      {hint === undefined ? null : (
        <span class="field-hint" id={`${id}-hint`}>
          <Sentence text={hint} />
        </span>
      )}
      {problem === undefined ? null : (
        <span class="field-problem" id={`${id}-problem`}>
          <Sentence text={problem} />
        </span>
      )}
    </div>
  );
}
