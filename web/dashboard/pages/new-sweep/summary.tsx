/** What would be tried, what it would cost, and the button that starts it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { SweepEstimate } from "../../../../client/index.ts";
import { Figure, ProblemNote, Reasons, Section, Waiting, Warnings } from "../../elements/basics.tsx";
import { count, counted, duration } from "../../format.ts";
import { go } from "../../router.ts";
import { asError, service } from "../../service.ts";
import { refreshAll } from "../../store/resource.ts";
import { nameOfPointer, nameOfSearch, valueText } from "../sweep/words.ts";
import { requestOf, type Draft } from "./draft.ts";
import type { Estimated } from "./estimate.ts";

const mostShown = 8;

function FirstTrials({ estimate }: { estimate: SweepEstimate }): JSX.Element {
  const pointers = Object.keys(estimate.request.space).sort();
  return (
    <details>
      <summary>The first trials</summary>
      <div class="scroll-x" tabIndex={0} role="group" aria-label="The first trials">
        <table>
          <thead>
            <tr>
              <th scope="col">Trial</th>
              {pointers.map((pointer) => (
                <th key={pointer} scope="col" class="number">
                  {nameOfPointer(pointer)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {estimate.requests.slice(0, mostShown).map(({ trial, parameters }) => (
              <tr key={trial}>
                <td>{trial}</td>
                {pointers.map((pointer) => (
                  <td key={pointer} class="number">
                    {valueText(parameters[pointer])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

const Figures = ({ estimate: { trials, epochs, seconds } }: { estimate: SweepEstimate }): JSX.Element => (
  <div class="figures summary-figures">
    <Figure value={count(trials)} label={trials === 1 ? "trial" : "trials"} />
    <Figure value={count(epochs)} label="epochs together" />
    <Figure
      value={seconds === null ? "?" : duration(seconds)}
      label={seconds === null ? "nobody has trained such a network here yet" : "on one worker slot"}
    />
  </div>
);

/** Below the button, which stays where it is while other words come. */
function Words({ estimate }: { estimate: SweepEstimate }): JSX.Element {
  const { rungs, request, reasons, warnings } = estimate;
  return (
    <>
      <p class="soft">
        {nameOfSearch(request.search)}
        {rungs.length > 1
          ? `: ${rungs.map((rung) => `${rung.trials} to ${counted(rung.epochs ?? 0, "epoch")}`).join(", ")}`
          : ""}
      </p>
      <Warnings of={warnings} />
      <Reasons of={reasons} />
      <FirstTrials estimate={estimate} />
    </>
  );
}

export function Summary({ draft, estimated }: { draft: Draft; estimated: Estimated }): JSX.Element {
  const { estimate, problem } = estimated;
  const [refusal, setRefusal] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const start = async (): Promise<void> => {
    setBusy(true);
    setRefusal(null);
    try {
      const sweep = await service.sweeps.create(requestOf(draft));
      refreshAll("sweeps");
      go(`/sweeps/${sweep.id}`);
    } catch (error) {
      setRefusal(asError(error));
      setBusy(false);
    }
  };
  return (
    <Section title="What it would be" class="training-summary">
      {estimate ? <Figures estimate={estimate} /> : null}
      {estimate || problem ? null : <Waiting what="Asking what it would be" />}
      <ProblemNote problem={problem ?? refusal} />
      <button type="button" class="strong start" disabled={isBusy} onClick={() => void start()}>
        Start the sweep
      </button>
      {estimate ? <Words estimate={estimate} /> : null}
    </Section>
  );
}
