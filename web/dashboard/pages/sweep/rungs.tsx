/** The stages of a search: how many came so far, and what became of them. */
import type { JSX } from "preact";
import type { Sweep, Trial } from "../../../../client/index.ts";
import { Section } from "../../elements/basics.tsx";
import { counted } from "../../format.ts";

const fates = ["went on", "succeeded", "running", "waiting", "stopped", "failed"] as const;
type Fate = (typeof fates)[number];

/** Of a trial that came as far as a rung; null of one that did not. */
function fateAt(trial: Trial, rung: number): Fate | null {
  if (trial.job === null || trial.rung < rung) return null;
  if (trial.rung > rung) return "went on";
  return trial.status === "queued" ? "waiting" : trial.status;
}

function Row({ rung, trials }: { rung: Sweep["rungs"][number]; trials: readonly Trial[] }): JSX.Element {
  const counts = fates.map((fate) => ({
    fate,
    count: trials.filter((trial) => fateAt(trial, rung.rung) === fate).length,
  }));
  const there = counts.filter(({ count }) => count > 0);
  const reached = there.reduce((sum, { count }) => sum + count, 0);
  return (
    <li class="rung">
      <p class="rung-head">
        <strong>Rung {rung.rung}</strong>
        <span class="soft small-text">
          {rung.epochs === null ? "" : `after ${counted(rung.epochs, "epoch")} · `}
          {reached} of {rung.trials} came here
        </span>
      </p>
      <div class="rung-bar" aria-hidden="true">
        {there.map(({ fate, count }) => (
          <span
            key={fate}
            class={`rung-part ${fate.replace(" ", "-")}`}
            style={{ "--share": String(count / Math.max(rung.trials, reached)) }}
          />
        ))}
      </div>
      <p class="soft small-text">
        {there.length === 0 ? "nobody yet" : there.map(({ fate, count }) => `${count} ${fate}`).join(" · ")}
      </p>
    </li>
  );
}

export const Rungs = ({ sweep, trials }: { sweep: Sweep; trials: readonly Trial[] }): JSX.Element | null =>
  sweep.rungs.length < 2 ? null : (
    <Section title="Rung by rung">
      <ul class="plain-list rungs">
        {sweep.rungs.map((rung) => (
          <Row key={rung.rung} rung={rung} trials={trials} />
        ))}
      </ul>
    </Section>
  );
