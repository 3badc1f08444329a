/** The section of docs/RESULTS.md about the defaults: each candidate over all naive networks and small sets. */
import { jobRequest } from "../../schemas/job.ts";
import type { Candidate } from "./naive-networks.ts";
import type { SweepRow } from "./sweep.ts";

/** What a request without an optimiser gets. */
export function defaultCandidate(): Candidate {
  const { optimiser } = jobRequest.parse({ dataset: "any", network: "toolbox" });
  const { kind, learningRate, clipNorm } = optimiser;
  return { kind, learningRate, ...(clipNorm === null ? {} : { clipNorm }) };
}

export const nameOf = ({ kind, learningRate, clipNorm }: Candidate): string =>
  `${kind}, η = ${learningRate}${clipNorm === undefined ? "" : `, clipNorm ${clipNorm}`}`;

const taskOf = ({ set, network }: SweepRow): string => `${set}: ${network}`;

export interface Summary {
  candidate: string;
  trainings: number;
  diverged: number;
  /** Trainings that guess, of a task where some candidate is at least twice as good as guessing. */
  stuck: string[];
  /** Accuracy behind the best candidate of each task: on average and at worst. */
  behind: number;
  worst: number;
}

/** By candidate, in the order of the rows. */
export function summarise(rows: readonly SweepRow[]): Summary[] {
  const best = new Map<string, number>();
  for (const row of rows) best.set(taskOf(row), Math.max(best.get(taskOf(row)) ?? 0, row.accuracy ?? 0));
  return [...new Set(rows.map(({ optimiser }) => nameOf(optimiser)))].map((candidate) => {
    const trainings = rows.filter(({ optimiser }) => nameOf(optimiser) === candidate);
    const behind = trainings.map((row) => (best.get(taskOf(row)) ?? 0) - (row.accuracy ?? 0));
    const stuck = trainings.filter(
      (row) =>
        row.accuracy !== null && row.accuracy * row.classes < 1.5 && (best.get(taskOf(row)) ?? 0) * row.classes >= 2,
    );
    return {
      candidate,
      trainings: trainings.length,
      diverged: trainings.filter(({ accuracy }) => accuracy === null).length,
      stuck: stuck.map(taskOf),
      behind: behind.reduce((sum, each) => sum + each, 0) / behind.length,
      worst: Math.max(...behind),
    };
  });
}

const percent = (share: number | null): string => (share === null ? "diverged" : `${(100 * share).toFixed(1)} %`);
const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

export function renderSweep(rows: readonly SweepRow[]): string {
  const chosen = nameOf(defaultCandidate());
  const ofChosen = rows.filter(({ optimiser }) => nameOf(optimiser) === chosen);
  const sets = [...new Set(rows.map(({ set }) => set))];
  const networks = [...new Set(rows.map(({ network }) => network))];
  const accuracy = (set: string, network: string): number | null =>
    ofChosen.find((row) => row.set === set && row.network === network)?.accuracy ?? null;
  return [
    "## The defaults",
    `Who sends a dataset and layers and nothing else gets \`${chosen}\`. It was chosen by this sweep: ${networks.length} networks as ` +
      `somebody writes them who has read the list of layers, on ${sets.length} small sets, with the default ten epochs of batches of ` +
      "fifty and every other field left out (`npm run results -- defaults`; networks and candidates stand in " +
      "`scripts/results/naive-networks.ts`). _Stuck_: at chance, where another candidate is at least twice as good. _Behind_: test " +
      "accuracy below the best candidate's on the same network and set.",
    table(
      ["optimiser", "trainings", "diverged", "stuck", "behind, mean", "behind, worst"],
      summarise(rows).map(({ candidate, trainings, diverged, stuck, behind, worst }) => [
        candidate === chosen ? `**${candidate}**` : candidate,
        String(trainings),
        String(diverged),
        String(stuck.length),
        percent(behind),
        percent(worst),
      ]),
    ),
    "Two candidates have no failure. Of these the default is the one with the shorter steps: on 6,000 samples of " +
      "Fashion-MNIST, five epochs, it ends better with four convolutions in a row (79.2 % against 77.1 %). For longer " +
      "trainings `nesterov, η = 0.1, clipNorm 1` is better still (84.7 %).",
    "Where a request names a kind of optimiser without a rate, it gets the largest tried rate of that kind at which nothing " +
      "diverged; Adam gets 0.003, since 0.01 is too much for longer trainings.",
    "Test accuracy with the default after ten epochs:",
    table(
      ["network", ...sets],
      networks.map((network) => [network, ...sets.map((set) => percent(accuracy(set, network)))]),
    ),
  ].join("\n\n");
}
