/** What the bench of sweeps writes. */
import type { environment } from "../report.ts";

export interface SweepResults {
  at: string;
  environment: ReturnType<typeof environment>;
  trials: number;
  secondsAllowed: number;
  slots: number;
  /** From the first start of a training to the last end. */
  wallSeconds: number;
  /** Seconds of training of all trials together, as their results say. */
  trainingSeconds: number;
  /** trainingSeconds of slots × wallSeconds. */
  busy: number;
  /** Processor time over all, divided by the trials. */
  millisecondsPerTrial: Record<string, number>;
}

export function busyShare(
  jobs: readonly { startedAt: string; finishedAt: string; result: { seconds: number } | null }[],
  slots: number,
): Pick<SweepResults, "wallSeconds" | "trainingSeconds" | "busy"> {
  const first = jobs.reduce((least, { startedAt }) => Math.min(least, Date.parse(startedAt)), Infinity);
  const last = jobs.reduce((most, { finishedAt }) => Math.max(most, Date.parse(finishedAt)), 0);
  const wallSeconds = (last - first) / 1000;
  const trainingSeconds = jobs.reduce((sum, { result }) => sum + (result?.seconds ?? 0), 0);
  return { wallSeconds, trainingSeconds, busy: trainingSeconds / (slots * wallSeconds) };
}

export function markdown(results: SweepResults): string {
  const { trials, secondsAllowed, slots, busy, trainingSeconds, wallSeconds, millisecondsPerTrial } = results;
  const { processor = "unknown", load = "unknown" } = results.environment;
  const rows = Object.entries(millisecondsPerTrial).map(([name, each]) => `| ${name} | ${each.toFixed(1)} |`);
  const share = (100 * busy).toFixed(1);
  const [training, wall] = [trainingSeconds, wallSeconds].map((seconds) => seconds.toFixed(0));
  return [
    "# A sweep of short trials",
    "",
    `${results.at.slice(0, 10)}, ${processor}; load ${load}.`,
    `${trials} trials of ${secondsAllowed} s each, on one worker of ${slots} slots with one thread a job.`,
    "",
    `Slots trained ${share} % of the time: ${training} s of training in ${wall} s.`,
    "",
    "| processor time a trial | ms |",
    "|---|---|",
    ...rows,
    "",
  ].join("\n");
}
