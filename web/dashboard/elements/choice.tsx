/** One of a few, side by side. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";

export interface ChoiceProps<Value extends string> {
  label: string;
  of: readonly { value: Value; label: string }[];
  value: Value;
  choose: (value: Value) => void;
}

export function Choice<Value extends string>({ label, of, value, choose }: ChoiceProps<Value>): JSX.Element {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class="unseen">{label}</legend>
      {of.map((each) => (
        <label key={each.value}>
          <input
            type="radio"
            name={name}
            value={each.value}
            checked={each.value === value}
            onChange={() => choose(each.value)}
          />
          <span>{each.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
