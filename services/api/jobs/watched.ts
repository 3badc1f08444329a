/** What clients ask of a job all day, as it is sent: kept until something changes. */
import { isTerminal, job, jobProgress } from "../../../schemas/job.ts";
import type { Progress } from "../../../schemas/progress.ts";
import { splitsOf, validationFacts } from "../../../schemas/validation.ts";
import { findJob } from "../../shared/find.ts";
import { type JobRecord, type Records } from "../../shared/records/index.ts";
import { answerText } from "../http/answer.ts";
import type { Copies, Mirror } from "../mirror.ts";
import { showJob } from "./show.ts";

const mostJobs = 1000;
const lifeMs = 10_000;
/** A job with connection tables may have a megabyte of them: longer ones are not kept. */
const longText = 64 * 1024;

/** Of a job that has not begun. */
async function standstill(records: Records, record: JobRecord): Promise<Progress> {
  const { epochs, batchSize, validation } = record.request;
  const dataset = await records.datasets.read(record.dataset.id);
  return {
    fraction: 0,
    epoch: 0,
    epochs,
    step: 0,
    steps: dataset ? epochs * Math.ceil(splitsOf(validation, validationFacts(dataset)).train / batchSize) : 0,
    samplesPerSecond: null,
    elapsedSeconds: 0,
    remainingSeconds: null,
    loss: null,
    accuracy: null,
    validation: null,
    best: null,
    epochsSinceBest: null,
    updatedAt: record.createdAt,
  };
}

/** An answer as text: compared with its schema when it is made, not each time it is sent. */
interface Told {
  text: string;
  topics: readonly string[] | null;
}

const topicsOf = ({ id, dataset }: JobRecord): string[] => [`job:${id}`, `dataset:${dataset.id}`];

export class WatchedJobs {
  readonly #progress: Copies<Told>;
  readonly #whole: Copies<Told>;

  constructor({ mirror }: { mirror: Mirror }) {
    const told = (): Copies<Told> =>
      mirror.copies({ most: mostJobs, lifeMs, kinds: ["job", "dataset"], topicsOf: ({ topics }) => topics });
    this.#progress = told();
    this.#whole = told();
  }

  /** What GET /v1/jobs/{id}/progress answers to a project. Throws a refusal where there is no such job. */
  progress(records: Records, id: string): Told | Promise<Told> {
    return this.#progress.get(`${records.project} ${id}`, async () => {
      const record = await findJob(records, id);
      const { status } = record;
      const progress = record.progress ?? (await standstill(records, record));
      const text = answerText(jobProgress, { status, terminal: isTerminal(status), ...progress });
      return { text, topics: topicsOf(record) };
    });
  }

  /** What GET /v1/jobs/{id} answers; throws likewise. */
  whole(records: Records, id: string): Told | Promise<Told> {
    return this.#whole.get(`${records.project} ${id}`, async () => {
      const record = await findJob(records, id);
      const text = answerText(job, await showJob(records, record));
      return { text, topics: text.length > longText ? null : topicsOf(record) };
    });
  }
}
