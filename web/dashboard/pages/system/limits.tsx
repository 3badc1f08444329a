/** How much a project may use, and how much it does. */
import type { JSX } from "preact";
import type { LimitName, Limits, Project } from "../../../../schemas/access.ts";
import { bytes, count } from "../../format.ts";

export const limitNames: readonly { name: LimitName; label: string; unit: (value: number) => string }[] = [
  { name: "queuedJobs", label: "jobs that wait", unit: count },
  { name: "runningJobs", label: "jobs that run", unit: count },
  { name: "storedBytes", label: "stored", unit: bytes },
  { name: "requestsPerMinute", label: "requests in this minute", unit: count },
  { name: "predictionsAtOnce", label: "predictions at once", unit: count },
];

/** What is counted only where there is a limit says nothing without one. */
const isTold = (name: LimitName, limits: Limits): boolean =>
  limits[name] !== null || (name !== "requestsPerMinute" && name !== "predictionsAtOnce");

export const Usages = ({ project: { limits, usage } }: { project: Project }): JSX.Element => (
  <ul class="plain-list usages">
    {limitNames
      .filter(({ name }) => isTold(name, limits))
      .map(({ name, label, unit }) => {
        const most = limits[name];
        return (
          <li key={name}>
            <span>
              {unit(usage[name])}
              {most === null ? "" : ` of ${unit(most)}`} <span class="soft small-text">{label}</span>
            </span>
            {most === null ? null : (
              <meter
                aria-label={`${label}: ${unit(usage[name])} of ${unit(most)}`}
                min={0}
                max={Math.max(1, most)}
                value={usage[name]}
              />
            )}
          </li>
        );
      })}
  </ul>
);
