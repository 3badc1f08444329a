/** What was asked for, whole, and the receipt by which anybody can check the result. */
import type { JSX } from "preact";
import type { Job } from "../../../../schemas/job.ts";
import { Facts, Section } from "../../elements/basics.tsx";
import { Code } from "../../elements/copy.tsx";
import { count, moment } from "../../format.ts";
import { service } from "../../service.ts";
import { useResource } from "../../store/resource.ts";

function Receipt({ job }: { job: Job }): JSX.Element | null {
  const { receipt } = job;
  if (!receipt) return null;
  const digest = (text: string): JSX.Element => <code title={text}>{text.slice(0, 12)}…</code>;
  return (
    <Facts
      of={[
        ["Weights", digest(receipt.weights)],
        ["Request", digest(receipt.request)],
        ["Data", digest(receipt.dataset)],
        ["Engine", receipt.engine],
        ["Kernels", receipt.kernels.name],
        ["Seed", count(receipt.seed)],
        ["Numerics", receipt.numerics],
        ["Stopped at step", count(receipt.stoppedAtStep)],
        ...receipt.rescheduled.map(({ step, end }): [string, string] => [
          `Rescheduled at step ${count(step)}`,
          `to end with step ${count(end)}`,
        ]),
      ]}
    />
  );
}

function DatasetName({ job }: { job: Job }): JSX.Element {
  const { id } = job.dataset;
  const dataset = useResource(`datasets/${id}`, { ask: (signal) => service.datasets.get(id, { signal }) });
  return <a href={`/datasets/${id}`}>{dataset.value.value?.name ?? job.request.dataset}</a>;
}

export const RequestOf = ({ job }: { job: Job }): JSX.Element => (
  <Section title="Request and receipt">
    <Facts
      of={[
        ["Dataset", <DatasetName job={job} />],
        ["Asked for", moment(job.createdAt)],
        ["Id", <code>{job.id}</code>],
        ...Object.entries(job.metadata).map(([name, value]) => [name, value] as const),
      ]}
    />
    <div class="receipt">
      <Receipt job={job} />
    </div>
    <details>
      <summary>The whole request, with every default</summary>
      <Code text={JSON.stringify(job.request, null, 2)} what="The request as JSON" />
    </details>
  </Section>
);
