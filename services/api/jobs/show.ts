/** Jobs as the api shows them, with what they wait for: a worker that has the memory, or any. */
import { presentJob, type JobRecord, type Records, type WorkerRecord } from "../../shared/records/index.ts";

type Shown<Request> = Omit<JobRecord, "request"> & { request: Request };

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString("en")} MiB`;

/** In words, what a training of so many bytes (null: not known yet) waits for; null: one of these may train it. */
export function wantedWorker(bytes: number | null, workers: readonly WorkerRecord[]): string | null {
  const most = Math.max(0, ...workers.map(({ memoryBytes }) => memoryBytes));
  if (bytes === null || workers.length === 0 || bytes <= most) return null;
  const there =
    workers.length === 1 ? "the one that is there has" : `the ${workers.length} that are there have at most`;
  return `a worker with ${mebibytes(bytes)} of memory for a job: ${there} ${mebibytes(most)}`;
}

/** Those that take jobs. */
export const presentWorkers = async ({ workers }: Records): Promise<WorkerRecord[]> =>
  (await workers.list()).filter(({ draining }) => !draining);

export async function showJobs<Request>(
  records: Records,
  jobs: readonly Shown<Request>[],
): Promise<ReturnType<typeof presentJob<Request>>[]> {
  const workers = jobs.some(({ status }) => status === "queued") ? await presentWorkers(records) : [];
  const waitsFor = ({ status, bytes }: Shown<Request>): string | null => {
    if (status !== "queued") return null;
    return workers.length === 0 ? "a worker: none is there" : wantedWorker(bytes, workers);
  };
  return jobs.map((record) => ({ ...presentJob(record), waitingFor: waitsFor(record) }));
}

export async function showJob(
  records: Records,
  job: JobRecord,
): Promise<ReturnType<typeof presentJob<JobRecord["request"]>>> {
  const [shown] = await showJobs(records, [job]);
  return shown;
}
