/** Precision, recall and F1 of every class, the worst first. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Evaluation } from "../../../../schemas/prediction.ts";
import { Section } from "../../elements/basics.tsx";
import { count, percent } from "../../format.ts";

type Row = Evaluation["classes"][number];
type Column = "name" | "samples" | "precision" | "recall" | "f1";

const columns: readonly { key: Column; label: string; title: string }[] = [
  { key: "name", label: "Class", title: "by name" },
  { key: "samples", label: "Samples", title: "samples of the class" },
  { key: "precision", label: "Precision", title: "of what it called this class, the share that is" },
  { key: "recall", label: "Recall", title: "of this class, the share that it found" },
  { key: "f1", label: "F1", title: "harmonic mean of the two" },
];

/** Least first; what there is no figure of last. */
function ordered(rows: readonly Row[], by: Column): Row[] {
  return [...rows].sort((one, other) =>
    by === "name"
      ? one.class - other.class
      : (one[by] ?? Infinity) - (other[by] ?? Infinity) || one.class - other.class,
  );
}

export function Classes({ evaluation }: { evaluation: Evaluation }): JSX.Element {
  const [by, setBy] = useState<Column>("f1");
  return (
    <Section title="Class by class">
      <div class="class-table scroll-x" tabIndex={0} role="group" aria-label="Figures of each class">
        <table>
          <thead>
            <tr>
              {columns.map(({ key, label, title }) => (
                <th
                  key={key}
                  class={key === "name" ? undefined : "number"}
                  aria-sort={key === by ? "ascending" : "none"}
                >
                  <button type="button" class="column" title={title} onClick={() => setBy(key)}>
                    {label}
                    {key === by ? <span aria-hidden="true"> ↑</span> : null}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ordered(evaluation.classes, by).map((row) => (
              <tr key={row.class}>
                <td class="name">{row.name}</td>
                <td class="number">{count(row.samples)}</td>
                <td class="number">{percent(row.precision)}</td>
                <td class="number">{percent(row.recall)}</td>
                <td class="number">{percent(row.f1)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}
