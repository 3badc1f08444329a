/** β and b of subsampling maps as lines, α of learned combinations as a heat map of each epoch. */
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { InsidePage } from "../../../../client/index.ts";
import type { Job } from "../../../../schemas/job.ts";
import { Section, Waiting } from "../../elements/basics.tsx";
import { Curve, type CurveLine } from "../../elements/curve.tsx";
import { Alpha } from "../../elements/alpha.tsx";
import { count, figure } from "../../format.ts";
import { service } from "../../service.ts";
import { useResource, type Resource } from "../../store/resource.ts";

type Row = InsidePage["data"][number];
const mostLines = 8;
const mostEpochs = 300;
const oftenMs = 4000;

const nameOf = ({ layer, inner }: Row): string => (inner === null ? `Layer ${layer}` : `Layer ${layer}.${inner}`);

/** A line for each map, the first few of them. */
const linesOf = (rows: readonly Row[], of: "beta" | "bias" | "effectiveInputs", name: string): CurveLine[] =>
  (rows[0]?.[of] ?? []).slice(0, mostLines).map((_, map) => ({
    name: `${name} ${map}`,
    hue: map,
    values: rows.map((row) => row[of]?.[map] ?? null),
  }));

function Lines({
  rows,
  of,
  title,
  symbol,
}: {
  rows: readonly Row[];
  of: "beta" | "bias" | "effectiveInputs";
  title: string;
  symbol: string;
}): JSX.Element | null {
  const lines = linesOf(rows, of, symbol);
  if (lines.length === 0) return null;
  const left = (rows[0]?.[of]?.length ?? 0) - lines.length;
  return (
    <div class="chart">
      <h3>{title}</h3>
      <Curve
        title={title}
        x={rows.map(({ epoch }) => epoch)}
        xName="epoch"
        lines={lines}
        height={190}
        format={figure}
      />
      {left > 0 ? (
        <p class="soft small-text">
          The first {mostLines} maps of {left + mostLines}.
        </p>
      ) : null}
    </div>
  );
}

/** The rows of each layer, in the order of epochs; they come the newest first. */
function byLayer(rows: readonly Row[]): Row[][] {
  const found = new Map<string, Row[]>();
  for (const row of rows.toReversed()) {
    const known = found.get(nameOf(row));
    if (known) known.push(row);
    else found.set(nameOf(row), [row]);
  }
  return [...found.values()];
}

export function Inside({ job }: { job: Job }): JSX.Element | null {
  const inside: Resource<InsidePage> = useResource(`inside/${job.id}`, {
    ask: (signal) => service.jobs.inside(job.id, { limit: mostEpochs, order: "desc" }, { signal }),
    every: () => (job.terminal ? null : oftenMs),
  });
  const page = inside.value.value;
  const layers = useMemo(() => byLayer(page?.data ?? []), [page]);
  // The job may have ended between two questions.
  useEffect(() => {
    if (job.terminal) inside.renew();
  }, [job.terminal]);
  if (page === undefined && inside.problem.value === null) return <Waiting what="Asking what it has learned" />;
  if (layers.length === 0) return null;
  return (
    <Section
      title="What layers have learned"
      aside={page?.hasMore ? `the last ${count(mostEpochs)} epochs` : undefined}
    >
      {layers.map((rows) => {
        const [first] = rows;
        if (!first) return null;
        return (
          <div key={nameOf(first)} class="inside-layer">
            <p class="kind">{nameOf(first)}</p>
            <div class="charts">
              <Alpha rows={rows} />
              <Lines rows={rows} of="effectiveInputs" title="Inputs that count in each map" symbol="map" />
              <Lines rows={rows} of="beta" title="β, the weight of each map" symbol="β" />
              <Lines rows={rows} of="bias" title="b, the bias of each map" symbol="b" />
            </div>
          </div>
        );
      })}
    </Section>
  );
}
