/** A sweep: its trials as they run, what they were given, and the best of them. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Sweep, Trial, TrialPage } from "../../../../client/index.ts";
import { PageHead, ProblemNote, Section, Waiting, Warnings } from "../../elements/basics.tsx";
import { Choice } from "../../elements/choice.tsx";
import { Code } from "../../elements/copy.tsx";
import { Status } from "../../elements/status.tsx";
import { counted, nameOf } from "../../format.ts";
import { place, setQuery, withQuery, type PageProps } from "../../router.ts";
import { useLiveSweep, type TrialSort } from "../../store/live-sweep.ts";
import type { Resource } from "../../store/resource.ts";
import { Actions } from "./actions.tsx";
import { Best, Outcome } from "./best.tsx";
import { Parallel } from "./parallel.tsx";
import { Rungs } from "./rungs.tsx";
import { Trials } from "./trials.tsx";
import { waitsForDataset } from "./words.ts";

const mostCompared = 5;

function Inside({ sweep, page, sort }: { sweep: Sweep; page: TrialPage; sort: TrialSort }): JSX.Element {
  const [chosen, choose] = useState<number | null>(null);
  const trials = page.data;
  const begun = trials.filter(({ job }) => job !== null);
  const measured: Trial[] = begun.filter(({ value }) => value !== null);
  const { metric } = sweep.request.objective;
  return (
    <>
      <Section title="What was tried, and what came of it">
        <Parallel space={sweep.request.space} trials={begun} metric={metric} chosen={chosen} choose={choose} />
      </Section>
      <Rungs sweep={sweep} trials={trials} />
      <Section
        title={page.hasMore ? `The first ${trials.length} trials` : counted(trials.length, "trial")}
        aside={
          <Choice
            label="Order of the trials"
            of={[
              { value: "value", label: "Best first" },
              { value: "trial", label: "By number" },
            ]}
            value={sort}
            choose={(value) => setQuery({ sort: value === "value" ? null : value })}
          />
        }
      >
        <Trials sweep={sweep} trials={trials} chosen={chosen} choose={choose} />
        {sort === "value" && measured.length > 1 ? (
          <p class="sweep-compare">
            <a
              href={withQuery("/jobs/compare", {
                jobs: measured
                  .slice(0, mostCompared)
                  .map(({ job }) => job)
                  .join(","),
              })}
            >
              Lay the curves of the best over each other
            </a>
          </p>
        ) : null}
      </Section>
    </>
  );
}

interface BodyProps {
  sweep: Sweep;
  trials: Resource<TrialPage>;
  sort: TrialSort;
}

const AwaitsDataset = ({ sweep }: { sweep: Sweep }): JSX.Element => (
  <Section title="It waits for its dataset">
    <p>
      <a href={`/datasets/${sweep.dataset.id}`}>{sweep.request.base.dataset}</a> is still being made. When it is ready,
      every trial is checked with it, and the first are trained.
    </p>
  </Section>
);

function Trained({ sweep, trials, sort }: BodyProps): JSX.Element {
  const page = trials.value.value;
  return (
    <>
      <div class="sweep-columns">
        <Outcome sweep={sweep} />
        <Best sweep={sweep} />
      </div>
      <ProblemNote problem={trials.problem.value} />
      {page ? <Inside sweep={sweep} page={page} sort={sort} /> : <Waiting what="Asking for the trials" />}
    </>
  );
}

function Body({ sweep, trials, sort }: BodyProps): JSX.Element {
  return (
    <>
      <ProblemNote problem={sweep.error ? new Error(sweep.error.detail) : null} title="It failed." />
      <Warnings of={sweep.warnings} />
      {waitsForDataset(sweep) ? <AwaitsDataset sweep={sweep} /> : <Trained sweep={sweep} trials={trials} sort={sort} />}
      <Section title="What was asked for">
        {sweep.reasons.length > 0 ? (
          <ul class="sweep-reasons">
            {sweep.reasons.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        ) : null}
        <details>
          <summary>The request, complete</summary>
          <Code text={JSON.stringify(sweep.request, null, 2)} what="The sweep's request" />
        </details>
      </Section>
    </>
  );
}

export default function SweepOf({ params }: PageProps): JSX.Element {
  const sort: TrialSort = place.value.query.get("sort") === "trial" ? "trial" : "value";
  const live = useLiveSweep(params.id, sort);
  const sweep = live.sweep.value.value;
  const problem = live.sweep.problem.value;
  return (
    <>
      <PageHead title={sweep ? nameOf(sweep) : "Sweep"} kind="Sweep">
        {sweep ? (
          <>
            <Status of={sweep.status} />
            <Actions sweep={sweep} />
          </>
        ) : null}
      </PageHead>
      <ProblemNote problem={problem} />
      {sweep ? <Body sweep={sweep} trials={live.trials} sort={sort} /> : null}
      {sweep || problem ? null : <Waiting what="Asking for the sweep" />}
    </>
  );
}
