/** Where a sweep stands, from its records: its plan, its search opened anew, and its trials as rows. */
import { parametersOf, planOf, Search, type Outcome, type Plan } from "../../../search/index.ts";
import type { CompleteSweepRequest } from "../../../schemas/sweep.ts";
import type { Trial } from "../../../schemas/trial.ts";
import { finite } from "../finite.ts";
import type { TrialRecords } from "../records/index.ts";

export interface Standing extends Pick<TrialRecords, "jobs" | "over"> {
  plan: Plan;
  search: Search;
}

export function standingOf(request: CompleteSweepRequest, trials: TrialRecords): Standing {
  const plan = planOf(request);
  const { jobs, over, started, outcomes } = trials;
  return { plan, search: new Search({ plan, started, outcomes }), jobs, over };
}

/** `ended`: the sweep has, and nothing goes on. */
export function rowOf({ plan, search, jobs }: Standing, trial: number, { ended }: { ended: boolean }): Trial {
  const latest = search.latest(trial);
  return {
    trial,
    parameters: parametersOf(plan, trial),
    job: jobs.get(trial) ?? null,
    rung: search.rungOf(trial),
    epochs: latest?.epochs ?? 0,
    value: finite(latest?.value ?? null),
    status: search.statusOf(trial, ended),
  };
}

/** The row of a trial once this outcome is known. */
export function rowAfter(standing: Standing, outcome: Outcome): Trial {
  const { trial, rung, status, value, epochs, complete } = outcome;
  const isWhole = complete || rung === standing.plan.rungs.length - 1;
  return {
    ...rowOf(standing, trial, { ended: false }),
    rung,
    epochs,
    value: finite(value),
    status: status === "succeeded" && !isWhole ? "queued" : status,
  };
}
