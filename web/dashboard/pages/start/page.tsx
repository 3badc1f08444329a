/** Home: what runs now, what was made last, and where to begin. */
import type { JSX } from "preact";
import type { ModelSummary } from "../../../../schemas/model.ts";
import { Ago, Empty, PageHead, ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { DropPlace } from "../../elements/drop-place.tsx";
import { JobBar } from "../../elements/job-bar.tsx";
import { count, counted, percent, short } from "../../format.ts";
import { useJobsOf, useModels } from "../../store/lists.ts";
import { ThreeWays } from "./three-ways.tsx";

function Running(): JSX.Element {
  const running = useJobsOf("running", { limit: 20 });
  const queued = useJobsOf("queued", { limit: 20, every: 2000 });
  const waiting = queued.value.value?.data ?? [];
  const jobs = running.value.value?.data;
  return (
    <Section title="Learning now" aside={<a href="/jobs">All jobs</a>}>
      <ProblemNote problem={running.problem.value} />
      {jobs === undefined && running.problem.value === null ? <Waiting what="Asking what runs" /> : null}
      {jobs?.length === 0 && waiting.length === 0 ? (
        <Empty title="Nothing is learning at the moment.">
          <p>
            <a href="/jobs/new">Start a training</a>
          </p>
        </Empty>
      ) : null}
      <ul class="plain-list job-bars">
        {jobs?.map((job) => (
          <JobBar key={job.id} job={job} />
        ))}
      </ul>
      {waiting.length > 0 ? (
        <p class="soft waiting-jobs">
          <a href="/jobs?status=queued">
            {queued.value.value?.hasMore
              ? `More than ${waiting.length} jobs wait`
              : `${counted(waiting.length, "job")} waiting`}
          </a>{" "}
          for a free worker.
        </p>
      ) : null}
    </Section>
  );
}

const ModelCard = ({ model }: { model: ModelSummary }): JSX.Element => (
  <li class="model-card">
    <a class="name" href={`/models/${model.id}`}>
      {model.name}
    </a>
    <p class="model-accuracy">{model.evaluation ? percent(model.evaluation.accuracy) : "not judged"}</p>
    <p class="soft">
      {model.evaluation ? `right on ${model.evaluation.split} · ` : ""}
      {counted(model.classes.length, "class", "classes")} · {short(model.parameters)} parameters
    </p>
    <p class="soft">
      <Ago at={model.createdAt} />
    </p>
  </li>
);

export default function Home(): JSX.Element {
  const models = useModels();
  const page = models.value.value;
  const isNew = page?.data.length === 0;
  return (
    <>
      <PageHead title={isNew ? "Teach a network to see" : "Home"} />
      <ProblemNote problem={models.problem.value} />
      {page || models.problem.value ? null : <Waiting what="Asking what there is" />}
      {isNew ? <ThreeWays /> : null}
      <div class="home-columns in-order">
        <Running />
        <DropPlace large />
      </div>
      {page && page.data.length > 0 ? (
        <Section
          title="Newest models"
          plain
          aside={<a href="/models">{page.hasMore ? "All models" : `All ${count(page.data.length)}`}</a>}
        >
          <ul class="plain-list model-cards">
            {page.data.map((model) => (
              <ModelCard key={model.id} model={model} />
            ))}
          </ul>
        </Section>
      ) : null}
    </>
  );
}
