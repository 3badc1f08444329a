/** How far it is, and the best so far. */
import type { JSX } from "preact";
import type { Sweep } from "../../../../client/index.ts";
import { Empty, Facts, Figure, Progress, Section } from "../../elements/basics.tsx";
import { count, duration, nameOf } from "../../format.ts";
import { measured, nameOfPointer, shareOf, valueText } from "./words.ts";

const why: Readonly<Record<string, string>> = {
  trials: "all trials were done",
  accuracy: "a trial was good enough",
  maxSeconds: "its time was up",
};

export function Outcome({ sweep }: { sweep: Sweep }): JSX.Element {
  const { trials, stopReason } = sweep;
  const ended = trials.succeeded + trials.stopped + trials.failed;
  return (
    <Section title={sweep.terminal ? "How it went" : "How it goes"}>
      <div class="figures">
        <Figure value={`${count(ended)} of ${count(trials.total)}`} label="trials ended" />
        <Figure value={count(trials.running)} label="running" />
        <Figure value={count(trials.failed)} label="failed" />
        <Figure value={duration(sweep.elapsedSeconds)} label="of training" />
      </div>
      <div class="sweep-progress">
        <Progress share={shareOf(trials)} label={`Progress of ${nameOf(sweep)}`} />
      </div>
      <p class="soft small-text">
        {count(trials.queued)} wait · {count(trials.stopped)} were stopped · {count(trials.succeeded)} trained to their
        end
        {stopReason === null ? "" : ` · it ended because ${why[stopReason] ?? stopReason}`}
      </p>
    </Section>
  );
}

export function Best({ sweep }: { sweep: Sweep }): JSX.Element {
  const { best } = sweep;
  const { metric, split } = sweep.request.objective;
  return (
    <Section
      title={sweep.terminal ? "The best" : "The best so far"}
      aside={best ? <span class="soft">trial {best.trial}</span> : undefined}
    >
      {best ? (
        <>
          <div class="sweep-best-head">
            <Figure value={measured(metric, best.value)} label={`${metric} on the ${split} split`} />
            <div class="actions">
              {best.model === null ? null : (
                <a class="button strong" href={`/models/${best.model}`}>
                  Open the model
                </a>
              )}
              <a class="button" href={`/jobs/${best.job}`}>
                Its training
              </a>
            </div>
          </div>
          <Facts
            of={Object.entries(best.parameters).map(([pointer, value]) => [
              nameOfPointer(pointer),
              <span title={JSON.stringify(value)}>{valueText(value)}</span>,
            ])}
          />
        </>
      ) : (
        <Empty title={sweep.terminal ? "No trial has a value." : "Nothing is measured yet."} />
      )}
    </Section>
  );
}
