/**
 * A field whose text is taken when one leaves it or presses Enter. What is typed belongs to the field until then: an
 * answer of the service that comes in between draws the page again, and the field keeps what the hand wrote.
 */
import { useSignal } from "@preact/signals";
import type { TargetedEvent, TargetedKeyboardEvent } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

type Control = HTMLInputElement | HTMLTextAreaElement;

interface Editing {
  /** What stands there while nobody types. */
  shown: string;
  /** Takes what was typed; a sentence where it cannot be taken. */
  commit: (text: string) => string | null;
}

interface EditedAttributes {
  value: string;
  onInput: (event: TargetedEvent<Control>) => void;
  onChange: (event: TargetedEvent<Control>) => void;
  onBlur: (event: TargetedEvent<Control>) => void;
  onKeyDown: (event: TargetedKeyboardEvent<Control>) => void;
}

/** Escape gives back what stood there. A text that cannot be taken stays for its writer to mend. */
export function useEdited({ shown, commit }: Editing): EditedAttributes {
  const typed = useSignal<string | null>(null);
  const isThere = useRef(true);
  useLayoutEffect(
    () => () => {
      isThere.current = false;
    },
    [],
  );
  const take = (control: Control): void => {
    // A field that is taken away while one types tells of it by a blur: the page it wrote to is no longer there.
    if (typed.peek() === null || control.validity.customError || !isThere.current) return;
    const refusal = control.validity.badInput ? "This is no number." : commit(control.value);
    if (refusal === null) {
      typed.value = null;
      return;
    }
    control.setCustomValidity(refusal);
    control.reportValidity();
  };
  return {
    value: typed.value ?? shown,
    onInput: ({ currentTarget }) => {
      currentTarget.setCustomValidity("");
      typed.value = currentTarget.value;
    },
    onChange: ({ currentTarget }) => take(currentTarget),
    onBlur: ({ currentTarget }) => take(currentTarget),
    onKeyDown: ({ key, currentTarget }) => {
      if (key !== "Escape") return;
      currentTarget.setCustomValidity("");
      typed.value = null;
    },
  };
}
