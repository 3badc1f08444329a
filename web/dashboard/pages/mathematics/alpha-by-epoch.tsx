/** How a layer came to choose its inputs: α after each epoch of the job that made the model. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { InsidePage } from "../../../../client/index.ts";
import { Alpha } from "../../elements/alpha.tsx";
import { Section, Waiting } from "../../elements/basics.tsx";
import type { Node } from "../../mathematics/inside.ts";
import { service } from "../../service.ts";
import { useResource, type Resource } from "../../store/resource.ts";

const mostEpochs = 300;

interface AlphaByEpochProps extends Pick<Node, "layer" | "inner"> {
  job: string;
}

export function AlphaByEpoch({ job, layer, inner }: AlphaByEpochProps): JSX.Element | null {
  const inside: Resource<InsidePage> = useResource(`inside/${job}?${layer}`, {
    ask: (signal) => service.jobs.inside(job, { layer, limit: mostEpochs, order: "desc" }, { signal }),
  });
  const page = inside.value.value;
  const rows = useMemo(
    () => (page?.data ?? []).filter((row) => row.inner === inner && row.alpha !== null).toReversed(),
    [page, inner],
  );
  if (page === undefined && inside.problem.value === null) return <Waiting what="Asking how it learned" />;
  // Of a job that was deleted nothing is known any more.
  if (rows.length === 0) return null;
  return (
    <Section title="How it came to choose its inputs" aside={<a href={`/jobs/${job}`}>the job</a>}>
      <Alpha rows={rows} />
    </Section>
  );
}
