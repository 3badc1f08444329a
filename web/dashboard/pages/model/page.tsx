/** A model: try it, see what it gets wrong, take it home. */
import type { JSX } from "preact";
import type { Evaluation } from "../../../../schemas/prediction.ts";
import type { Model } from "../../../../schemas/model.ts";
import { Ago, Facts, Figure, PageHead, ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { Confirm } from "../../elements/confirm.tsx";
import { bytes, count, counted, figure, percent, shapeOf } from "../../format.ts";
import { go, type PageProps } from "../../router.ts";
import { service } from "../../service.ts";
import { refreshAll, useResource } from "../../store/resource.ts";
import { Calibration } from "./calibration.tsx";
import { Classes } from "./classes.tsx";
import { Confusion } from "./confusion.tsx";
import { Hardest } from "./hardest.tsx";
import { AliasForm, NameForm } from "./names.tsx";
import { TakeHome } from "./take-home.tsx";
import { TryIt } from "./try-it.tsx";

async function remove(model: Model): Promise<void> {
  await service.models.delete(model.id);
  refreshAll("models");
  go("/models");
}

const Head = ({ model }: { model: Model }): JSX.Element => (
  <PageHead title={model.name} kind="Model">
    <a class="button strong" href={`/models/${model.id}/mathematics`}>
      The mathematics
    </a>
    {model.job === null ? null : (
      <a class="button" href={`/jobs/${model.job}`}>
        How it learned
      </a>
    )}
    <Confirm label="Delete" question={`Delete the model “${model.name}”?`} act={() => remove(model)} />
  </PageHead>
);

const Judged = ({ evaluation }: { evaluation: Evaluation }): JSX.Element => {
  const wrong = Math.round(evaluation.samples * evaluation.errorRate);
  return (
    <Section
      title="How good it is"
      aside={
        <span class="soft">
          on {count(evaluation.samples)} samples of the {evaluation.split} split
        </span>
      }
    >
      <div class="figures">
        <Figure value={percent(evaluation.accuracy)} label="right" />
        <Figure value={count(wrong)} label={wrong === 1 ? "sample wrong" : "samples wrong"} />
        {evaluation.topK
          .filter(({ k }) => k > 1)
          .slice(0, 2)
          .map(({ k, accuracy }) => (
            <Figure key={k} value={percent(accuracy)} label={`among its first ${k}`} />
          ))}
        <Figure value={figure(evaluation.loss)} label="loss of a sample" />
        {evaluation.calibration ? (
          <Figure value={percent(evaluation.calibration.expectedError)} label="off in its confidence" />
        ) : null}
      </div>
    </Section>
  );
};

const About = ({ model }: { model: Model }): JSX.Element => (
  <Section title="What it is">
    <Facts
      of={[
        ["Reads", `${shapeOf(model.input)} (channels × rows × columns)`],
        ["Tells apart", counted(model.classes.length, "class", "classes")],
        ["Parameters", count(model.parameters)],
        ["Weights", bytes(model.bytes)],
        ["Layers", count(model.network.layers.length)],
        ["Made", <Ago key="made" at={model.createdAt} />],
      ]}
    />
    <NameForm model={model} />
    <AliasForm model={model} />
  </Section>
);

function Body({ model }: { model: Model }): JSX.Element {
  const split = model.evaluation?.split;
  const evaluation = useResource(`evaluation ${model.id} ${split ?? ""}`, {
    ask: async (signal) => (split ? service.models.evaluation(model.id, { split }, { signal }) : null),
  });
  const judged = evaluation.value.value;
  return (
    <>
      <TryIt model={model} />
      {split === undefined ? (
        <p class="note">It was not judged: it was imported, or its dataset had no samples to judge on.</p>
      ) : null}
      <ProblemNote problem={evaluation.problem.value} />
      {judged === undefined && evaluation.problem.value === null ? <Waiting what="Asking how good it is" /> : null}
      {judged ? (
        <>
          <Judged evaluation={judged} />
          <Confusion model={model} evaluation={judged} />
          <Hardest model={model} split={judged.split} />
          <div class="model-columns">
            <Classes evaluation={judged} />
            {judged.calibration ? <Calibration of={judged.calibration} /> : null}
          </div>
        </>
      ) : null}
      <TakeHome model={model} />
      <About model={model} />
    </>
  );
}

export default function ModelPage({ params }: PageProps): JSX.Element {
  const id = params["id"] ?? "";
  const model = useResource(`model ${id}`, { ask: (signal) => service.models.get(id, { signal }) });
  const { value } = model.value;
  return (
    <>
      {value ? <Head model={value} /> : <PageHead title="Model" />}
      <ProblemNote problem={model.problem.value} />
      {value ? <Body model={value} /> : model.problem.value ? null : <Waiting what="Asking for the model" />}
    </>
  );
}
