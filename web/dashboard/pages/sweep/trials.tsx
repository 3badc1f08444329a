/** The trials, a row each. */
import type { JSX } from "preact";
import type { Sweep, Trial } from "../../../../client/index.ts";
import { Status } from "../../elements/status.tsx";
import { measured, nameOfPointer, valueText } from "./words.ts";

interface TrialsProps {
  sweep: Sweep;
  trials: readonly Trial[];
  chosen: number | null;
  choose: (trial: number | null) => void;
}

export function Trials({ sweep, trials, chosen, choose }: TrialsProps): JSX.Element {
  const pointers = Object.keys(sweep.request.space).sort();
  const { metric } = sweep.request.objective;
  const hasRungs = sweep.rungs.length > 1;
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label="Trials">
      <table class="trials">
        <thead>
          <tr>
            <th scope="col">Trial</th>
            <th scope="col">Status</th>
            <th scope="col" class="number">
              {metric}
            </th>
            {hasRungs ? (
              <th scope="col" class="number">
                rung
              </th>
            ) : null}
            <th scope="col" class="number">
              epochs
            </th>
            {pointers.map((pointer) => (
              <th key={pointer} scope="col" class="number" title={pointer}>
                {nameOfPointer(pointer)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {trials.map((trial) => (
            <tr
              key={trial.trial}
              class={trial.trial === chosen ? "chosen" : ""}
              onMouseEnter={() => choose(trial.trial)}
              onMouseLeave={() => choose(null)}
              onFocusCapture={() => choose(trial.trial)}
              onBlurCapture={() => choose(null)}
            >
              <td>
                {trial.job === null ? trial.trial : <a href={`/jobs/${trial.job}`}>{trial.trial}</a>}
                {sweep.best?.trial === trial.trial ? <span class="best-sign"> best</span> : null}
              </td>
              <td>
                <Status of={trial.status} />
              </td>
              <td class="number">{measured(metric, trial.value)}</td>
              {hasRungs ? <td class="number">{trial.rung}</td> : null}
              <td class="number">{trial.epochs}</td>
              {pointers.map((pointer) => (
                <td key={pointer} class="number">
                  {valueText(trial.parameters[pointer])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
