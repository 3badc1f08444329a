/** Every sweep: how far it is, and the best that it found. */
import type { JSX } from "preact";
import type { SweepPage } from "../../../../client/index.ts";
import { Ago, Empty, PageHead, ProblemNote, Progress, Section, Waiting } from "../../elements/basics.tsx";
import { Status } from "../../elements/status.tsx";
import { counted, nameOf } from "../../format.ts";
import { service } from "../../service.ts";
import { useResource } from "../../store/resource.ts";
import { measured, nameOfSearch, shareOf, waitsForDataset } from "../sweep/words.ts";

type Summary = SweepPage["data"][number];

const Row = ({ sweep }: { sweep: Summary }): JSX.Element => (
  <li class="sweep-row">
    <div class="sweep-main">
      <p class="sweep-title">
        <a class="name" href={`/sweeps/${sweep.id}`}>
          {nameOf(sweep)}
        </a>
        <Status of={sweep.status} />
        <span class="soft small-text">
          <Ago at={sweep.createdAt} />
        </span>
      </p>
      <p class="soft">
        {waitsForDataset(sweep)
          ? "waits for its dataset"
          : `${counted(sweep.trials.total, "trial")} · ${nameOfSearch(sweep.request.search)} · ${counted(Object.keys(sweep.request.space).length, "setting")} searched`}
      </p>
      {sweep.error ? <p class="bad-text">{sweep.error.detail}</p> : null}
    </div>
    <p class="sweep-best">
      {sweep.best ? (
        <>
          <strong>{measured(sweep.request.objective.metric, sweep.best.value)}</strong>{" "}
          <span class="soft small-text">best {sweep.request.objective.metric}</span>
        </>
      ) : (
        <span class="soft small-text">nothing measured yet</span>
      )}
    </p>
    {sweep.terminal ? null : <Progress share={shareOf(sweep.trials)} label={`Progress of ${nameOf(sweep)}`} />}
  </li>
);

export default function Sweeps(): JSX.Element {
  const resource = useResource("sweeps", {
    ask: (signal) => service.sweeps.list({ limit: 200 }, { signal }),
    every: 2000,
  });
  const page = resource.value.value;
  const problem = resource.problem.value;
  return (
    <>
      <PageHead title="Sweeps">
        <a class="button strong" href="/sweeps/new">
          New sweep
        </a>
      </PageHead>
      <ProblemNote problem={problem} />
      {page || problem ? null : <Waiting what="Asking for the sweeps" />}
      {page?.data.length === 0 ? (
        <Empty title="There are no sweeps yet.">
          <p>
            A sweep trains one request many times with other settings, and keeps the best.{" "}
            <a href="/sweeps/new">Start the first one</a>
          </p>
        </Empty>
      ) : null}
      {page && page.data.length > 0 ? (
        <Section title={page.hasMore ? `The newest ${page.data.length}` : counted(page.data.length, "sweep")}>
          <ul class="plain-list">
            {page.data.map((sweep) => (
              <Row key={sweep.id} sweep={sweep} />
            ))}
          </ul>
        </Section>
      ) : null}
    </>
  );
}
