/** A new training: data, network, settings, and what it would cost, before anything runs. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { PageHead, ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { place } from "../../router.ts";
import type { FormContext } from "../../form/schema-field.tsx";
import { useRequestSchema, type RequestSchema } from "../../form/request-schema.ts";
import { problemsOf, service } from "../../service.ts";
import { useDatasets } from "../../store/lists.ts";
import { useResource } from "../../store/resource.ts";
import { DatasetChoice } from "./dataset-choice.tsx";
import { changeDraft, peekDraft, readDraft, sparse, writeDraft, type Draft } from "./draft.ts";
import { useEstimate } from "./estimate.ts";
import { NetworkChoice } from "./network-choice.tsx";
import { Settings } from "./settings.tsx";
import { Summary } from "./summary.tsx";

function Form({ schema, draft }: { schema: RequestSchema; draft: Draft }): JSX.Element {
  const estimated = useEstimate(draft);
  const form: FormContext = {
    all: schema.all,
    draft,
    peek: peekDraft,
    complete: (estimated.estimate ?? estimated.last)?.request,
    problems: problemsOf(estimated.problem),
    change: changeDraft,
  };
  return (
    <div class="training in-order">
      <div class="in-order">
        <DatasetChoice draft={draft} />
        <NetworkChoice form={form} schema={schema} draft={draft} estimated={estimated} />
        <Settings form={form} schema={schema} />
      </div>
      <Summary draft={draft} estimated={estimated} />
    </div>
  );
}

/** "Again, changed": the request of another job, without its defaults. */
function FromJob({ id, schema }: { id: string; schema: RequestSchema }): JSX.Element {
  const job = useResource(`jobs/${id}`, { ask: (signal) => service.jobs.get(id, { signal }) });
  const request = job.value.value?.request;
  useEffect(() => {
    if (request) writeDraft(sparse(request, schema));
  }, [request]);
  return (
    <>
      <ProblemNote problem={job.problem.value} />
      {job.problem.value ? null : <Waiting what="Asking for the job's request" />}
    </>
  );
}

/** Something is chosen from the start: what was made last. */
function useFirstDataset(draft: Draft): void {
  const ready = useDatasets().value.value?.data.find(({ status }) => status !== "rejected");
  useEffect(() => {
    if (draft["dataset"] === undefined && ready) writeDraft({ ...draft, dataset: ready.alias ?? ready.id });
  }, [ready?.id, draft["dataset"]]);
}

function Choosing({ schema, draft }: { schema: RequestSchema; draft: Draft }): JSX.Element {
  useFirstDataset(draft);
  return <Form schema={schema} draft={draft} />;
}

export default function NewTraining(): JSX.Element {
  const { query } = place.value;
  const schema = useRequestSchema("/v1/jobs");
  const { value } = schema.value;
  const from = query.get("from");
  return (
    <>
      <PageHead title="New training" />
      <ProblemNote problem={schema.problem.value} />
      {value === undefined && schema.problem.value === null ? (
        <Section title="Form">
          <Waiting what="Asking what can be set" />
        </Section>
      ) : null}
      {value && from !== null ? <FromJob id={from} schema={value} /> : null}
      {value && from === null ? <Choosing schema={value} draft={readDraft(query)} /> : null}
    </>
  );
}
