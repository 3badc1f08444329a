/** α of a learned combination as a heat map: a row for each output map, a column for each input map, epoch by epoch. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Field } from "./field.tsx";
import { HeatMap, Scale, rangeOf, type Numbers } from "./heat-map.tsx";

export interface AlphaRow {
  epoch: number;
  alpha: Numbers | null;
}

/** `rows`: of one layer, in the order of epochs. */
export function Alpha({ rows }: { rows: readonly AlphaRow[] }): JSX.Element | null {
  const [chosen, setChosen] = useState<number | null>(null);
  const most = useMemo(() => Math.max(0.01, ...rows.map(({ alpha }) => rangeOf(alpha ?? [])[1])), [rows]);
  const at = chosen ?? rows.length - 1;
  const row = rows[at] ?? rows.at(-1);
  if (!row?.alpha) return null;
  return (
    <div class="chart alpha">
      <h3>α, the share of each input in each map</h3>
      <Field label={`After epoch ${row.epoch}`}>
        {(attributes) => (
          <input
            {...attributes}
            type="range"
            min={0}
            max={rows.length - 1}
            value={at}
            onInput={({ currentTarget }) => {
              const next = Number(currentTarget.value);
              setChosen(next === rows.length - 1 ? null : next);
            }}
          />
        )}
      </Field>
      <HeatMap
        values={row.alpha}
        range={[0, most]}
        signed={false}
        cell={Math.max(6, Math.min(32, Math.floor(320 / (row.alpha[0]?.length ?? 1))))}
        label={`α after epoch ${row.epoch}, a row for each output map, a column for each input map`}
      />
      <Scale range={[0, most]} signed={false} />
    </div>
  );
}
