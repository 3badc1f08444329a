/** A new sweep: what is trained, what is searched, how, and what it would cost, before anything runs. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { PageHead, ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { useRequestSchema, type RequestSchema } from "../../form/request-schema.ts";
import { SchemaFields, type FormContext } from "../../form/schema-field.tsx";
import { place } from "../../router.ts";
import { problemsOf, service } from "../../service.ts";
import { useDatasets } from "../../store/lists.ts";
import { useResource } from "../../store/resource.ts";
import { Base } from "./base.tsx";
import { changeDraft, peekDraft, draftAround, firstDraft, readDraft, writeDraft, type Draft } from "./draft.ts";
import { useEstimate } from "./estimate.ts";
import { SpaceChoice } from "./space.tsx";
import { Summary } from "./summary.tsx";

/** Fields that have a part of the page for themselves, or are not for people. */
const elsewhere = ["base", "space", "metadata"];

function Form({ schema, draft }: { schema: RequestSchema; draft: Draft }): JSX.Element {
  const estimated = useEstimate(draft);
  const form: FormContext = {
    all: schema.all,
    draft,
    complete: estimated.estimate?.request,
    problems: problemsOf(estimated.problem),
    peek: peekDraft,
    change: changeDraft,
  };
  return (
    <div class="training in-order">
      <div class="in-order">
        <Base form={form} schema={schema.root} />
        <SpaceChoice form={form} chosen={estimated.estimate?.request.space ?? null} />
        <Section title="How it is searched">
          <div class="settings-fields">
            <SchemaFields form={form} path={[]} schema={schema.root} skip={elsewhere} />
          </div>
        </Section>
      </div>
      <Summary draft={draft} estimated={estimated} />
    </div>
  );
}

/** "Again, changed": the request of another sweep. */
function FromSweep({ id }: { id: string }): JSX.Element {
  const sweep = useResource(`sweeps/${id}`, { ask: (signal) => service.sweeps.get(id, { signal }) });
  const request = sweep.value.value?.request;
  useEffect(() => {
    if (request) writeDraft(request);
  }, [request]);
  return (
    <>
      <ProblemNote problem={sweep.problem.value} />
      {sweep.problem.value ? null : <Waiting what="Asking for the sweep's request" />}
    </>
  );
}

/** "Search its settings": the request of a job as what every trial begins from. */
function FromJob({ id, schema }: { id: string; schema: RequestSchema }): JSX.Element {
  const asked = useResource(`sweep-from/${id}`, {
    ask: async (signal) => {
      const { request, dataset } = await service.jobs.get(id, { signal });
      return draftAround(request, await service.datasets.get(dataset.id, { signal }), schema);
    },
  });
  const draft = asked.value.value;
  useEffect(() => {
    if (draft) writeDraft(draft);
  }, [draft]);
  return (
    <>
      <ProblemNote problem={asked.problem.value} />
      {asked.problem.value ? null : <Waiting what="Asking for the job's request" />}
    </>
  );
}

/** Something is chosen from the start: what was made last. A sweep may be asked for while that is still checked. */
function First(): JSX.Element {
  const datasets = useDatasets();
  const usable = datasets.value.value?.data.find(({ status }) => status !== "rejected");
  useEffect(() => {
    if (usable) writeDraft(firstDraft(usable));
  }, [usable?.id]);
  if (datasets.value.value && !usable)
    return (
      <p>
        There is no dataset yet. <a href="/datasets">Bring one</a>
      </p>
    );
  return (
    <>
      <ProblemNote problem={datasets.problem.value} />
      <Waiting what="Asking for the datasets" />
    </>
  );
}

function Beginning({ from, schema }: { from: string | null; schema: RequestSchema }): JSX.Element {
  if (from === null) return <First />;
  return from.startsWith("job_") ? <FromJob id={from} schema={schema} /> : <FromSweep id={from} />;
}

export default function NewSweep(): JSX.Element {
  const { query } = place.value;
  const schema = useRequestSchema("/v1/sweeps");
  const { value } = schema.value;
  const from = query.get("from");
  const draft = readDraft(query);
  return (
    <>
      <PageHead title="New sweep" />
      <ProblemNote problem={schema.problem.value} />
      {value || schema.problem.value ? null : <Waiting what="Asking what can be set" />}
      {value && draft ? <Form schema={value} draft={draft} /> : null}
      {value && !draft ? <Beginning from={from} schema={value} /> : null}
    </>
  );
}
