/** How far it is, or what came of it. */
import type { ComponentChildren, JSX } from "preact";
import { stopWords } from "../../../../client/words.ts";
import type { Job } from "../../../../schemas/job.ts";
import { Figure, Progress, Section, Sentence } from "../../elements/basics.tsx";
import { count, counted, duration, figure, percent, short } from "../../format.ts";
import type { LiveJob } from "../../store/live-job.ts";

function Running({ job, live }: { job: Job; live: LiveJob }): JSX.Element {
  const { status } = job;
  const progress = live.progress.value ?? job.progress;
  if (!progress)
    return (
      <Section title="Waiting">
        <p class="soft">
          {status === "queued"
            ? "It begins as soon as a worker is free. You need not wait here."
            : "It has not begun to learn."}
        </p>
      </Section>
    );
  const { epoch, epochs, loss, accuracy, validation, samplesPerSecond, elapsedSeconds, remainingSeconds } = progress;
  const moving = status === "running";
  return (
    <Section title={moving ? "Learning" : "Where it stands"}>
      <Progress share={progress.fraction} label="Progress of the training" />
      <div class="figures live-figures">
        <Figure value={moving ? duration(remainingSeconds) : "–"} label="remaining" />
        <Figure
          value={`${Math.max(1, epoch)} / ${epochs}`}
          label={`epoch · step ${count(progress.step)} of ${count(progress.steps)}`}
        />
        <Figure value={percent(accuracy)} label="right in training" />
        {validation ? <Figure value={percent(validation.accuracy)} label={`right on ${validation.split}`} /> : null}
        <Figure value={figure(loss)} label="loss" />
        <Figure value={samplesPerSecond === null ? "–" : short(samplesPerSecond)} label="samples a second" />
        <Figure value={duration(elapsedSeconds)} label="so far" />
      </div>
    </Section>
  );
}

function Failed({ job }: { job: Job }): JSX.Element {
  const { error } = job;
  return (
    <div class="note bad failed" role="alert">
      <h2>{error?.code === "diverged" ? "The training diverged" : "The training failed"}</h2>
      <p>
        <Sentence text={error?.detail ?? "Nobody knows why."} />
        {error?.step === null || error === null ? "" : ` It happened at step ${count(error.step)}.`}
      </p>
    </div>
  );
}

function Reproduction({ job }: { job: Job }): JSX.Element | null {
  const { reproduction } = job;
  if (!reproduction) return null;
  const says: ComponentChildren =
    reproduction.agrees === null
      ? "When it has ended, its weights are compared with those of the original, digit by digit."
      : reproduction.agrees
        ? "Its weights are those of the original, bit for bit."
        : "Its weights differ from those of the original.";
  return (
    <p class={`note ${reproduction.agrees === false ? "bad" : "good"}`}>
      This repeats <a href={`/jobs/${reproduction.of}`}>another job</a>. {says}
    </p>
  );
}

function Result({ job }: { job: Job }): JSX.Element | null {
  const { result, progress } = job;
  if (!result) return null;
  const splits = (["test", "validation", "train"] as const).flatMap((split) => {
    const found = result[split];
    return found ? [{ split, ...found }] : [];
  });
  return (
    <Section title="What came of it">
      <div class="figures">
        {splits.map(({ split, accuracy, loss, samples }) => (
          <Figure
            key={split}
            value={percent(accuracy)}
            label={`right on ${count(samples)} of ${split} · loss ${figure(loss)}`}
          />
        ))}
        {progress?.best ? <Figure value={progress.best.epoch} label="best epoch" /> : null}
        <Figure
          value={duration(result.seconds)}
          label={`${counted(result.epochs, "epoch")}, ${counted(result.steps, "step")}`}
        />
      </div>
      <p class="soft small-text under-figures">
        It stopped because {stopWords[result.stopReason]}. Computed by {result.kernels}.
      </p>
    </Section>
  );
}

export const Outcome = ({ job, live }: { job: Job; live: LiveJob }): JSX.Element => (
  <>
    <Reproduction job={job} />
    {job.status === "failed" ? <Failed job={job} /> : null}
    {job.terminal ? <Result job={job} /> : <Running job={job} live={live} />}
  </>
);
