/** The values that a setting may take: two ends of a range, or a list. */
import type { JSX } from "preact";
import { useEdited } from "../../elements/edited.ts";
import { Field } from "../../elements/field.tsx";
import type { Dimension } from "./draft.ts";

interface ValuesFieldProps {
  dimension: Dimension;
  /** What it becomes of what it is at that moment. */
  change: (how: (dimension: Dimension) => Dimension) => void;
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
  const edited = useEdited({
    shown: (dimension.choices ?? []).map((value) => JSON.stringify(value)).join(", "),
    commit: (text) => {
      const choices = listOf(text);
      if (!choices) return 'Values of JSON with commas between: 32, 64 or "auto", "lenet-5".';
      change(() => ({ choices }));
      return null;
    },
  });
  return (
    <Field label="Of these" class="wide">
      {(attributes) => <input {...attributes} {...edited} spellcheck={false} />}
    </Field>
  );
}

const ranges = ["log", "uniform", "integers"] as const;

interface EndProps extends ValuesFieldProps {
  kind: (typeof ranges)[number];
  label: "From" | "To";
}

function End({ kind, label, dimension, change }: EndProps): JSX.Element {
  const at = label === "From" ? 0 : 1;
  const edited = useEdited({
    shown: String(dimension[kind]?.[at] ?? ""),
    commit: (text) => {
      if (text === "") return null;
      change((now) => {
        const [from, to] = now[kind] ?? [0, 1];
        return { [kind]: at === 0 ? [Number(text), to] : [from, Number(text)] };
      });
      return null;
    },
  });
  return (
    <Field label={label}>
      {(attributes) => (
        <input {...attributes} {...edited} class="range-end" type="number" step={kind === "integers" ? 1 : "any"} />
      )}
    </Field>
  );
}

export function ValuesField({ dimension, change }: ValuesFieldProps): JSX.Element {
  const kind = ranges.find((each) => dimension[each] !== undefined);
  if (kind === undefined) return <List dimension={dimension} change={change} />;
  return (
    <>
      <End kind={kind} label="From" dimension={dimension} change={change} />
      <End kind={kind} label="To" dimension={dimension} change={change} />
    </>
  );
}
