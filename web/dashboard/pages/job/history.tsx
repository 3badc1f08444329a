/** What happened, and which workers tried. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Event } from "../../../../schemas/event.ts";
import type { Job } from "../../../../schemas/job.ts";
import { Ago, Section, Sentence } from "../../elements/basics.tsx";
import { Choice } from "../../elements/choice.tsx";
import { clock, count, duration, figure, moment, percent } from "../../format.ts";
import type { LiveJob } from "../../store/live-job.ts";

function sentence(event: Event): string {
  switch (event.type) {
    case "status":
      return `is ${event.data.status}${event.data.reason === null ? "" : `: ${event.data.reason}`}`;
    case "epoch": {
      const { epoch, loss, accuracy, validationAccuracy } = event.data;
      const judged =
        validationAccuracy === null ? "" : `, ${percent(validationAccuracy)} on ${event.data.split ?? "validation"}`;
      return `epoch ${epoch}: loss ${figure(loss)}, ${percent(accuracy)} right${judged}`;
    }
    case "checkpoint":
      return `checkpoint of epoch ${event.data.epoch}${event.data.best ? ", the best so far" : ""}`;
    case "warning":
      return event.data.detail;
    case "attempt":
      return event.data.endedAt === null
        ? `worker ${event.data.worker} takes it${event.data.fromCheckpoint === null ? "" : ` up from step ${count(event.data.fromCheckpoint)}`}`
        : `worker ${event.data.worker} lets it go: ${event.data.reason ?? "no reason given"}`;
    case "model":
      return `left the model ${event.data.model}`;
    case "progress":
      return `step ${count(event.data.step)}`;
  }
}

type Kind = "all" | "important";
const isImportant = ({ type }: Event): boolean => type !== "epoch" && type !== "checkpoint";

function Events({ live }: { live: LiveJob }): JSX.Element {
  const [kind, setKind] = useState<Kind>("all");
  const events = live.events.value.filter((event) => kind === "all" || isImportant(event)).toReversed();
  return (
    <Section
      title="Events"
      aside={
        <Choice
          label="Which events"
          of={[
            { value: "all", label: "All" },
            { value: "important", label: "Without epochs" },
          ]}
          value={kind}
          choose={setKind}
        />
      }
    >
      <ol class="plain-list events" tabIndex={0} aria-label="Events, the newest first">
        {events.map((event) => (
          <li key={event.id} class={event.type === "warning" ? "warn-text" : undefined}>
            <time class="soft" dateTime={event.at} title={moment(event.at)}>
              {clock(event.at)}
            </time>
            <span>
              <Sentence text={sentence(event)} />
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

const Attempts = ({ job }: { job: Job }): JSX.Element => (
  <Section title="Attempts" aside={job.attempts.length > 0 ? count(job.attempts.length) : undefined}>
    {job.attempts.length === 0 ? <p class="soft">No worker has taken it yet.</p> : null}
    <ol class="plain-list attempts">
      {job.attempts.map(({ worker, startedAt, endedAt, reason, fromCheckpoint }) => (
        <li key={startedAt}>
          <p class="name">{worker}</p>
          <p class="soft small-text">
            {fromCheckpoint === null ? "from the beginning" : `from step ${count(fromCheckpoint)}`},{" "}
            <Ago at={startedAt} />
            {endedAt === null
              ? ", at work"
              : `, for ${duration((Date.parse(endedAt) - Date.parse(startedAt)) / 1000)}: `}
            {endedAt === null ? null : <Sentence text={reason ?? "ended"} />}
          </p>
        </li>
      ))}
    </ol>
  </Section>
);

export const History = ({ job, live }: { job: Job; live: LiveJob }): JSX.Element => (
  <div class="two-columns">
    <Events live={live} />
    <Attempts job={job} />
  </div>
);
