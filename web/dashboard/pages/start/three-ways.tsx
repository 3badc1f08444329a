/** Where to begin on an empty installation. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { JobRequest } from "../../../../client/index.ts";
import { ProblemNote } from "../../elements/basics.tsx";
import { go } from "../../router.ts";
import { asError, service } from "../../service.ts";

const quick: JobRequest = { name: "digits in five seconds", dataset: "mnist", network: "fast-mnist" };
/** It reads digits that are drawn anywhere and at any tilt, which MNIST's own are not. */
const drawing: JobRequest = {
  name: "digits to draw",
  dataset: "mnist",
  network: "fast-mnist",
  augmentation: { shift: 2, rotate: 10, scale: 0.1 },
};

interface WayProps {
  title: string;
  text: string;
  button: string;
  go: () => Promise<void>;
}

function Way({ title, text, button, go: act }: WayProps): JSX.Element {
  const [problem, setProblem] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const press = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    await act().catch((error: unknown) => setProblem(asError(error)));
    setBusy(false);
  };
  return (
    <li class="card way">
      <h2>{title}</h2>
      <p class="soft">{text}</p>
      <ProblemNote problem={problem} />
      <button type="button" class="strong" disabled={isBusy} onClick={() => void press()}>
        {button}
      </button>
    </li>
  );
}

const start = async (request: JobRequest): Promise<void> => {
  const job = await service.jobs.create(request);
  go(`/jobs/${job.id}`);
};

export const ThreeWays = (): JSX.Element => (
  <ul class="plain-list ways" aria-label="Three ways to begin">
    <Way
      title="Digits in five seconds"
      text="70,000 handwritten digits are here already. Watch a small network learn to read them."
      button="Train on MNIST"
      go={() => start(quick)}
    />
    <Way
      title="Your own pictures"
      text="A folder for each class is all it takes. See what is in it, press one button, and watch."
      button="Bring pictures"
      go={async () => go("/datasets")}
    />
    <Way
      title="Draw a digit"
      text="Train a network that reads your own hand, then draw: it answers while the pen still moves."
      button="Train, then draw"
      go={() => start(drawing)}
    />
  </ul>
);
