/** What it would be and cost, the button that starts it, and the same request for those who type. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Estimate } from "../../../../schemas/estimate.ts";
import { Figure, ProblemNote, Reasons, Section, Waiting, Warnings } from "../../elements/basics.tsx";
import { Choice } from "../../elements/choice.tsx";
import { Code } from "../../elements/copy.tsx";
import { bytes, duration, short } from "../../format.ts";
import { go } from "../../router.ts";
import { asError, service } from "../../service.ts";
import { requestOf, type Draft } from "./draft.ts";
import type { Estimated } from "./estimate.ts";
import { snippets, type Language } from "./snippets.ts";

function Figures({ draft, estimated }: { draft: Draft; estimated: Estimated }): JSX.Element {
  const { estimate, problem } = estimated;
  if (draft["dataset"] === undefined) return <p class="soft">A training needs a dataset.</p>;
  if (!estimate) return problem ? <ProblemNote problem={problem} /> : <Waiting what="Asking what it would be" />;
  const { secondsPerEpoch, request } = estimate;
  return (
    <div class="figures summary-figures">
      <Figure value={short(estimate.parameters)} label="parameters" />
      <Figure value={bytes(estimate.bytes)} label="memory" />
      <Figure value={short(estimate.flopsPerSample)} label="FLOPs a sample" />
      <Figure
        value={secondsPerEpoch === null ? "?" : duration(secondsPerEpoch)}
        label={
          secondsPerEpoch === null
            ? "an epoch: nobody has trained such a network here yet"
            : `an epoch, ${duration(secondsPerEpoch * request.epochs)} for ${request.epochs}`
        }
      />
    </div>
  );
}

/** Below the button, which stays where it is while other words come. */
const Words = ({ estimate }: { estimate: Estimate }): JSX.Element => (
  <>
    <Warnings of={estimate.warnings} />
    <Reasons of={estimate.reasons} />
  </>
);

function Start({ draft, isFine }: { draft: Draft; isFine: boolean }): JSX.Element {
  const [problem, setProblem] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const start = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const job = await service.jobs.create(requestOf(draft));
      go(`/jobs/${job.id}`);
    } catch (error) {
      setProblem(asError(error));
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" class="strong start" disabled={isBusy} onClick={() => void start()}>
        Start the training
      </button>
      {isFine ? <ProblemNote problem={problem} /> : null}
    </>
  );
}

const languages: readonly { value: Language; label: string }[] = [
  { value: "curl", label: "curl" },
  { value: "javascript", label: "JavaScript" },
  { value: "python", label: "Python" },
];

export function Summary({ draft, estimated }: { draft: Draft; estimated: Estimated }): JSX.Element {
  const [language, setLanguage] = useState<Language>("curl");
  return (
    <div class="training-summary in-order">
      <Section title="What it would be">
        <Figures draft={draft} estimated={estimated} />
        <Start draft={draft} isFine={estimated.problem === null} />
        {estimated.estimate ? <Words estimate={estimated.estimate} /> : null}
      </Section>
      <Section
        title="The same, typed"
        aside={<Choice label="Language" of={languages} value={language} choose={setLanguage} />}
      >
        <Code text={snippets[language](location.origin, draft)} what={`The request in ${language}`} />
      </Section>
    </div>
  );
}
