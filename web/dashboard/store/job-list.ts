/**
 * All jobs that a filter lets through, newest first. The newest page and what runs are asked for often, all of it once
 * in a while: hundreds of jobs cost little.
 */
import type { JobPage, JobStatus, JobSummary } from "../../../schemas/job.ts";
import { service } from "../service.ts";
import { useResource, type Resource } from "./resource.ts";

export interface JobFilter {
  status: JobStatus | null;
  dataset: string | null;
  sweep: string | null;
}

export interface JobList {
  jobs: readonly JobSummary[];
  /** Whether the oldest is among them. */
  isWhole: boolean;
}

const oftenMs = 1500;
const wholeMs = 30_000;
const pageSize = 200;
const mostJobs = 5000;

const known = new Map<string, { list: JobList; wholeAt: number }>();

type Ask = { limit: number; after?: string };

const pageOf = (filter: JobFilter, ask: Ask, signal: AbortSignal): Promise<JobPage> =>
  service.jobs.list(
    {
      ...ask,
      ...(filter.status === null ? {} : { status: filter.status }),
      ...(filter.dataset === null ? {} : { dataset: filter.dataset }),
      ...(filter.sweep === null ? {} : { sweep: filter.sweep }),
    },
    { signal },
  );

async function whole(filter: JobFilter, signal: AbortSignal): Promise<JobList> {
  const jobs: JobSummary[] = [];
  for (let after: string | null = ""; after !== null && jobs.length < mostJobs;) {
    const page: JobPage = await pageOf(filter, { limit: pageSize, ...(after === "" ? {} : { after }) }, signal);
    jobs.push(...page.data);
    after = page.hasMore ? page.nextAfter : null;
  }
  return { jobs, isWhole: jobs.length < mostJobs };
}

/** What was known, with what is new: the newest page in the place of what it covers, those that moved in theirs. */
async function renewed(before: JobList, filter: JobFilter, signal: AbortSignal): Promise<JobList> {
  const moving = before.jobs.filter(({ terminal }) => !terminal);
  const [newest, running] = await Promise.all([
    pageOf(filter, { limit: 50 }, signal),
    filter.status === null && moving.length > 0
      ? pageOf({ ...filter, status: "running" }, { limit: pageSize }, signal)
      : null,
  ]);
  const oldest = newest.data.at(-1);
  const rest = newest.hasMore && oldest ? before.jobs.filter(({ id }) => id < oldest.id) : [];
  const fresh = new Map(running?.data.map((job) => [job.id, job]));
  // What ran below the newest page and runs no more has ended, or waits.
  const gone = rest.filter(({ id, status }) => status === "running" && !fresh.has(id)).slice(0, 10);
  const settled = await Promise.all(gone.map(({ id }) => service.jobs.get(id, { signal }).catch(() => null)));
  for (const job of settled) if (job) fresh.set(job.id, job);
  return { jobs: [...newest.data, ...rest.map((job) => fresh.get(job.id) ?? job)], isWhole: before.isWhole };
}

export function useJobList(filter: JobFilter): Resource<JobList> {
  const key = `jobs-all?${filter.status ?? ""}&${filter.dataset ?? ""}&${filter.sweep ?? ""}`;
  return useResource<JobList>(key, {
    every: oftenMs,
    ask: async (signal) => {
      const before = known.get(key);
      const isFresh = before !== undefined && Date.now() - before.wholeAt < wholeMs;
      const list = isFresh ? await renewed(before.list, filter, signal) : await whole(filter, signal);
      known.clear();
      known.set(key, { list, wholeAt: isFresh ? before.wholeAt : Date.now() });
      return list;
    },
  });
}
