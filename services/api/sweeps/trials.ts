/** Pages of trials. Where all trials of a sweep stand is found once for all pages that are asked for meanwhile. */
import type { z } from "zod";
import { isTerminal } from "../../../schemas/job.ts";
import type { Trial, TrialPage, trialsQuery } from "../../../schemas/trial.ts";
import type { Records, SweepRecord } from "../../shared/records/index.ts";
import { rowOf, standingOf, type Standing } from "../../shared/sweeps/rows.ts";
import { invalid } from "../http/problem.ts";
import type { Copies, Mirror } from "../mirror.ts";

const mostSweeps = 20;
const lifeMs = 10_000;
/**
 * Finding where ten thousand trials stand takes some tenths of a second, and several of them end in each: while a sweep
 * of more than `large` goes on, its pages may be so far behind.
 */
const large = 1000;
const mostBehindMs = 2000;

interface Found {
  id: string;
  standing: Standing;
}

type Query = z.output<typeof trialsQuery>;

/** A place in the order by values: what was there and its number, so that it is known even when the trial moves. */
interface Place {
  trial: number;
  value: number | null;
}

function placeOf(after: string, sort: Query["sort"]): Place {
  const [number = "", value] = after.split(":");
  const place = { trial: Number(number), value: value === undefined || value === "" ? null : Number(value) };
  const isWhole = /^\d{1,9}$/.test(number) && (place.value === null || Number.isFinite(place.value));
  if (!isWhole || (sort === "trial") !== (value === undefined))
    throw invalid("/query/after", "expected the nextAfter of the page before, asked with the same sort");
  return place;
}

export class SweepTrials {
  readonly #records: Records;
  readonly #found: Copies<Found>;
  /** Of large sweeps, the one that was found last at the end. */
  readonly #lately = new Map<string, { standing: Standing; revision: string | null; at: number }>();

  constructor({ allRecords, mirror }: { allRecords: Records; mirror: Mirror }) {
    this.#records = allRecords;
    this.#found = mirror.copies({
      most: mostSweeps,
      lifeMs,
      kinds: ["sweep"],
      topicsOf: ({ id }) => [`sweep:${id}`],
    });
  }

  async #standing({ id, request, status, dataset }: SweepRecord): Promise<Standing> {
    // What a sweep tries may change once, when the dataset that it waits for is ready.
    const { revision } = dataset;
    const last = this.#lately.get(id);
    const isRecent = last?.revision === revision && performance.now() - last.at < mostBehindMs;
    if (isRecent && !isTerminal(status)) return last.standing;
    const at = performance.now();
    const { standing } = await this.#found.get(id, async () => ({
      id,
      standing: standingOf(request, await this.#records.sweeps.trials(id)),
    }));
    this.#lately.delete(id);
    if (standing.plan.trials > large && !isTerminal(status)) this.#lately.set(id, { standing, revision, at });
    for (const oldest of [...this.#lately.keys()].slice(0, -mostSweeps)) this.#lately.delete(oldest);
    return standing;
  }

  async page(sweep: SweepRecord, { sort, order, status, limit, after }: Query): Promise<TrialPage> {
    const standing = await this.#standing(sweep);
    const ended = isTerminal(sweep.status);
    const from = after === undefined ? null : placeOf(after, sort);
    const { plan, search } = standing;
    const best = plan.request.objective.metric === "accuracy" ? -1 : 1;
    const compare = (one: Place, other: Place): number => {
      if (sort === "trial" || one.value === other.value) return one.trial - other.trial;
      if (one.value === null || other.value === null) return one.value === null ? 1 : -1;
      return best * (one.value - other.value);
    };
    const direction = order === "asc" ? 1 : -1;
    const places: Place[] = [];
    for (let trial = 0; trial < plan.trials; trial++) {
      const value = sort === "trial" ? null : (search.latest(trial)?.value ?? null);
      const place = { trial, value: value !== null && Number.isFinite(value) ? value : null };
      if (status !== undefined && search.statusOf(trial, ended) !== status) continue;
      if (from === null || direction * compare(place, from) > 0) places.push(place);
    }
    if (sort === "value" || direction < 0) places.sort((one, other) => direction * compare(one, other));
    const shown = places.slice(0, limit);
    const data: Trial[] = shown.map(({ trial }) => rowOf(standing, trial, { ended }));
    const last = shown.at(-1);
    const hasMore = places.length > shown.length;
    const next = last && (sort === "trial" ? String(last.trial) : `${last.trial}:${last.value ?? ""}`);
    return { data, hasMore, nextAfter: hasMore && next !== undefined ? next : null };
  }
}
