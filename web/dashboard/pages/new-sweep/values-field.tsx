/** The values that a setting may take: two ends of a range, or a list. */
import type { JSX } from "preact";
import { Field } from "../../elements/field.tsx";
import type { Dimension } from "./draft.ts";

interface ValuesFieldProps {
  dimension: Dimension;
  change: (dimension: Dimension) => void;
}

/** 32, 64, "auto" → the values; undefined where it is no list of JSON. */
function listOf(text: string): unknown[] | undefined {
  try {
    return JSON.parse(`[${text}]`) as unknown[];
  } catch {
    return undefined;
  }
}

function List({ dimension, change }: ValuesFieldProps): JSX.Element {
  const take = (input: HTMLInputElement): void => {
    const choices = listOf(input.value);
    input.setCustomValidity(choices ? "" : 'Values of JSON with commas between: 32, 64 or "auto", "lenet-5".');
    if (choices) change({ choices });
    else input.reportValidity();
  };
  return (
    <Field label="Of these" class="wide">
      {(attributes) => (
        <input
          {...attributes}
          spellcheck={false}
          value={(dimension.choices ?? []).map((value) => JSON.stringify(value)).join(", ")}
          onChange={({ currentTarget }) => take(currentTarget)}
        />
      )}
    </Field>
  );
}

export function ValuesField({ dimension, change }: ValuesFieldProps): JSX.Element {
  const kind = (["log", "uniform", "integers"] as const).find((each) => dimension[each] !== undefined);
  if (kind === undefined) return <List dimension={dimension} change={change} />;
  const [from, to] = dimension[kind] ?? [0, 1];
  const end = (label: string, value: number, pair: (given: number) => [number, number]): JSX.Element => (
    <Field label={label}>
      {(attributes) => (
        <input
          {...attributes}
          class="range-end"
          type="number"
          step={kind === "integers" ? 1 : "any"}
          value={value}
          onChange={({ currentTarget }) => {
            if (currentTarget.value !== "") change({ [kind]: pair(Number(currentTarget.value)) });
          }}
        />
      )}
    </Field>
  );
  return (
    <>
      {end("From", from, (given) => [given, to])}
      {end("To", to, (given) => [from, given])}
    </>
  );
}
