/** What it got wrong and was surest of. */
import type { JSX } from "preact";
import type { Split } from "../../../../schemas/dataset.ts";
import type { Model } from "../../../../schemas/model.ts";
import { ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { service } from "../../service.ts";
import { useResource } from "../../store/resource.ts";
import { Pictures } from "./pictures.tsx";

const shown = 24;

export function Hardest({ model, split }: { model: Model; split: Split }): JSX.Element {
  const wrong = useResource(`hardest ${model.id} ${split}`, {
    ask: (signal) =>
      service.models.predictions(
        model.id,
        { split, only: "errors", sort: "confidence", order: "desc", limit: shown },
        { signal },
      ),
  });
  const { value } = wrong.value;
  return (
    <Section title="Wrong, and sure of it">
      <ProblemNote problem={wrong.problem.value} />
      {value === undefined && wrong.problem.value === null ? <Waiting what="Asking for its answers" /> : null}
      {value?.data.length === 0 ? <p class="soft">Every sample of the split was answered right.</p> : null}
      {value ? <Pictures model={model} split={split} rows={value.data} /> : null}
    </Section>
  );
}
