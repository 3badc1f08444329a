/** Follows what runs on the service until it has ended, and tells what came of it. */
import { fileAsSent, type Client, type Dataset, type Job } from "../client/index.ts";
import { exitCodes, Failure } from "./failures.ts";
import { viewFor } from "./live.ts";
import { percent, type Output } from "./output.ts";

export interface Watching {
  client: Client;
  out: Output;
  signal: AbortSignal;
}

/** What Ctrl-C says: nothing is lost, and nothing is asked. */
export function comeBack(out: Output, id: string, ending: string): Failure {
  if (out.live) out.draw("\n");
  const back = `npx feature-maps watch ${id}`;
  const width = Math.max(back.length, ending.length);
  return new Failure(
    exitCodes.interrupted,
    [
      `${id} goes on without you.`,
      `  ${back.padEnd(width)}  brings you back`,
      `  ${ending.padEnd(width)}  ends it`,
    ].join("\n"),
  );
}

/** Until it has ended. Ctrl-C leaves it running, and says how to come back. */
export async function watchJob({ client, out, signal }: Watching, id: string): Promise<Job> {
  const view = viewFor(out);
  try {
    const job = await client.jobs.wait(id, { signal, onEvent: view.take });
    view.end();
    return job;
  } catch (error) {
    if (signal.aborted) throw comeBack(out, id, `npx feature-maps jobs cancel ${id}`);
    throw error;
  }
}

/** A job that has not succeeded ends the command with its reason. */
export function demandSuccess(job: Job): void {
  if (job.status === "cancelled") throw new Failure(exitCodes.cancelled, `${job.id} was cancelled`);
  if (job.status === "failed")
    throw new Failure(exitCodes.failed, `${job.id} failed: ${job.error?.detail ?? "it says no reason"}`);
}

/** Which epoch the model is of. */
function keptEpoch({ progress, result }: Job): string | null {
  if (!result) return null;
  const best = progress?.best ?? null;
  const split = progress?.validation?.split ?? "validation";
  if (best === null) return `kept epoch ${result.epochs}, the last: no split decides which is best`;
  return `kept epoch ${best.epoch} of ${result.epochs}, the best: ${split} accuracy ${percent(best.accuracy, 2)}`;
}

/** What a job that succeeded leaves, and what to do with it. */
export function tellResult(out: Output, job: Job): void {
  const { result, model } = job;
  const judged = result?.test ?? result?.validation ?? null;
  const split = result?.test ? "test" : "validation";
  if (judged)
    out.say(`${split} accuracy ${percent(judged.accuracy, 2)} on ${judged.samples.toLocaleString("en")} pictures`);
  const kept = keptEpoch(job);
  if (kept !== null) out.say(kept);
  if (model === null) return;
  out.say(`model ${model}`);
  out.note(`\nnpx feature-maps predict ${model} PICTURE…   asks it\nnpx feature-maps open ${model}   shows it`);
}

const mostProblems = 20;

/** Until it has been checked; a rejected one ends the command with its problems. */
export async function watchDataset({ client, out, signal }: Watching, id: string): Promise<Dataset> {
  let told = false;
  const dataset = await client.datasets
    .wait(id, {
      signal,
      onChange: ({ status, fraction }) => {
        if (!out.live || status !== "checking") return;
        out.draw(`\r\u001B[Kchecking ${percent(fraction, 0)}`);
        told = true;
      },
    })
    .finally(() => (told ? out.draw("\r\u001B[K") : undefined));
  for (const warning of dataset.warnings) out.note(`warning: ${warning}`);
  if (dataset.status !== "rejected") return dataset;
  const problems = dataset.problems.map(({ file, row, detail }) =>
    [file === null ? null : fileAsSent(file), row === null ? null : `row ${row}`, detail]
      .filter((each) => each !== null)
      .join(": "),
  );
  const more = problems.length - mostProblems;
  throw new Failure(
    exitCodes.failed,
    [`the dataset was rejected`, ...problems.slice(0, mostProblems), ...(more > 0 ? [`and ${more} more`] : [])].join(
      "\n  ",
    ),
  );
}
