/** A gradient check of this very network at a button: back-propagation against finite differences in float64. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { GradientCheck } from "../../../../schemas/gradient-check.ts";
import type { Model } from "../../../../schemas/model.ts";
import { ProblemNote, Waiting } from "../../elements/basics.tsx";
import { count, figure } from "../../format.ts";
import { asError, service } from "../../service.ts";

const Result = ({ of: { worst, complete, layers } }: { of: GradientCheck }): JSX.Element => (
  <>
    <p role="status">
      {worst === null
        ? "No element could be checked: every one of them lies at a kink."
        : worst < 1e-5
          ? `They agree: the largest relative difference is ${figure(worst, 2)}.`
          : `The largest relative difference is ${figure(worst, 2)}.`}
      {complete ? "" : " Time ran out before all was checked."}
    </p>
    <div class="scroll-x">
      <table>
        <thead>
          <tr>
            <th>Layer</th>
            <th>Tensor</th>
            <th class="number">Elements</th>
            <th class="number">Checked</th>
            <th class="number">Largest relative difference</th>
          </tr>
        </thead>
        <tbody>
          {layers.flatMap(({ index, kind, parameters }) =>
            parameters.map((tensor) => (
              <tr key={tensor.name}>
                <td>
                  {index} {kind}
                </td>
                <td>{tensor.name}</td>
                <td class="number">{count(tensor.elements)}</td>
                <td class="number">{count(tensor.checked)}</td>
                <td class="number">{figure(tensor.worstRelativeError, 2)}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </div>
  </>
);

export function GradientCheckPanel({ model }: { model: Model }): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const [result, setResult] = useState<GradientCheck | null>(null);
  const [problem, setProblem] = useState<Error | null>(null);
  const check = async (): Promise<void> => {
    setAsking(true);
    setProblem(null);
    try {
      setResult(await service.jobs.checkGradients({ network: model.network, input: model.input }));
    } catch (error) {
      setProblem(asError(error));
    } finally {
      setAsking(false);
    }
  };
  return (
    <>
      <p>
        The gradient that back-propagation gives, against (E(w + h) − E(w − h)) / 2h for some weights of every tensor of
        this network, in float64 and from fresh weights.
      </p>
      <p class="actions">
        <button type="button" onClick={() => void check()} disabled={isAsking}>
          Check the gradients
        </button>
      </p>
      <ProblemNote problem={problem} />
      {isAsking ? <Waiting what="Computing differences; this takes some seconds" isAsked /> : null}
      {result && !isAsking ? <Result of={result} /> : null}
    </>
  );
}
