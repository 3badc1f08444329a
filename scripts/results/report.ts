/** docs/RESULTS.md from the outcomes: tables, α matrices, and the command and seed that make them again. */
import { experiments, type Experiment } from "./experiments.ts";
import { renderSuite } from "./suite/report.ts";
import type { SuiteRow } from "./suite/run.ts";
import type { SweepRow } from "./sweep.ts";
import { renderSweep } from "./sweep-report.ts";
import type { Outcome } from "./training.ts";

const percent = (rate: number): string => `${(100 * rate).toFixed(2)} %`;
const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** An experiment and its outcomes, one a seed. */
type Pair = readonly [Experiment, readonly [Outcome, ...Outcome[]]];

function finalError(outcomes: readonly Outcome[]): string {
  const diverged = outcomes.find((each) => each.diverged);
  if (diverged) return `diverged at ${diverged.diverged}`;
  const rates = outcomes.map(({ errorRates }) => errorRates.at(-1) ?? NaN);
  const middle = `**${percent(mean(rates))}**`;
  return rates.length === 1
    ? middle
    : `${middle}, mean of ${rates.length} seeds (${percent(Math.min(...rates))} … ${percent(Math.max(...rates))})`;
}

const trainings = (pairs: readonly Pair[]): string =>
  table(
    ["experiment", "network and training", "epochs", "test error", "others", "parameters"],
    pairs.map(([{ name, title, claim }, outcomes]) => {
      const [{ parameters, epochs }] = outcomes;
      return [`\`${name}\``, title, String(epochs), finalError(outcomes), claim ?? "", String(parameters)];
    }),
  );

/** The largest difference between the α of two outcomes. */
const apart = (a: Outcome, b: Outcome): number | null =>
  a.alpha && b.alpha
    ? Math.max(
        ...a.alpha.flatMap((row, map) => row.map((share, input) => Math.abs(share - (b.alpha?.[map]?.[input] ?? NaN)))),
      )
    : null;

function combinations(pairs: readonly Pair[]): string {
  const plain = pairs.find(([{ name }]) => name.endsWith("combination-none"))?.[1][0];
  return table(
    [
      "experiment",
      "inputs of C3",
      "test error",
      "effective inputs a map: mean (least … most)",
      "largest difference of an α from no penalty",
      "same weights as no penalty",
    ],
    pairs.map(([{ name, title }, outcomes]) => {
      const [outcome] = outcomes;
      const { effectiveInputs } = outcome;
      const difference = plain && apart(outcome, plain);
      return [
        `\`${name}\``,
        title,
        finalError(outcomes),
        effectiveInputs
          ? `${mean(effectiveInputs).toFixed(2)} (${Math.min(...effectiveInputs).toFixed(2)} … ${Math.max(...effectiveInputs).toFixed(2)})`
          : "",
        difference === null || difference === undefined || outcome === plain ? "" : difference.toExponential(1),
        plain && outcome.alpha && outcome !== plain
          ? outcome.weightsSha256 === plain.weightsSha256
            ? "yes, to the bit"
            : "no"
          : "",
      ];
    }),
  );
}

const matrix = ([{ title }, [{ alpha, effectiveInputs }]]: Pair): string =>
  [
    `**${title}**`,
    "",
    table(
      ["map", ...(alpha?.[0] ?? []).map((_, input) => `α from ${input}`), "effective inputs"],
      (alpha ?? []).map((row, map) => [
        String(map),
        ...row.map((share) => (share >= 0.5 ? `**${share.toFixed(3)}**` : share.toFixed(3))),
        (effectiveInputs?.[map] ?? NaN).toFixed(2),
      ]),
    ),
  ].join("\n");

const curve = ([{ name }, [{ seed, errorRates }]]: Pair): string =>
  `- \`${name}\`, seed ${seed}: ${errorRates
    .filter((_, epoch) => errorRates.length <= 40 || (epoch + 1) % 10 === 0 || epoch === 0)
    .map((rate) => (100 * rate).toFixed(2))
    .join(" ")}`;

const titles: Readonly<Record<string, string>> = {
  mnist: "MNIST",
  "mnist-combinations": "Learned combinations in the place of LeNet-5's table, MNIST",
  "fashion-mnist": "Fashion-MNIST",
  "fashion-mnist-combinations": "Learned combinations, Fashion-MNIST",
};

function section(group: string, pairs: readonly Pair[]): string {
  const learned = pairs.filter(([, [{ alpha }]]) => alpha);
  return [
    `## ${titles[group] ?? group}`,
    group.endsWith("-combinations") ? combinations(pairs) : trainings(pairs),
    `Test error in per cent after each epoch (of long trainings the first and every tenth):\n\n${pairs.map(curve).join("\n")}`,
    ...(learned.length > 0
      ? ["### The shares α", ...learned.filter(([{ name }]) => !name.includes("l1")).map(matrix)]
      : []),
  ].join("\n\n");
}

export interface ResultRows {
  outcomes: readonly Outcome[];
  sweep: readonly SweepRow[];
  suite: readonly SuiteRow[];
}

export function renderResults({ outcomes, sweep, suite }: ResultRows): string {
  const pairs = experiments.flatMap((experiment): Pair[] => {
    const [first, ...others] = outcomes.filter(({ name }) => name === experiment.name);
    return first ? [[experiment, [first, ...others]]] : [];
  });
  const groups = [...new Set(pairs.map(([{ group }]) => group))];
  const [first] = outcomes;
  return `${[
    "# Results",
    "Written by `npm run results`; the outcomes stand in `docs/results.json`. One experiment again: `npm run results -- lenet-5`. The seed is 1, and 1, 2, 3 … where several are named; numerics are " +
      `\`reproducible\`: with the same engine (version ${first?.engine ?? ""}) the same numbers come out on any machine and any number of threads. ` +
      "The whole training split is trained on; the test split is looked at after each epoch but decides nothing within a training: a result is that of the last epoch, not of the best. The exception is `fast-mnist`: its layers and batch were picked from about two dozen settings by their *test* error, so its figure is a little optimistic; rate, schedule and decay are the best of the seven settings with that batch among eighteen that were tried on the last 10,000 training samples, held out for that, with three seeds; the first rate was then rounded from 0.008 to 0.01 of the peak. " +
      `Computed with \`${[...new Set(outcomes.map(({ kernels }) => kernels))].join("`, `")}\`. How long a training takes is measured by \`npm run bench\`, not here.`,
    "A request is what the API takes: each experiment is a body of `POST /v1/jobs`, to be read in `scripts/results/experiments.ts`.",
    ...renderSuite(suite),
    renderSweep(sweep),
    ...groups.map((group) =>
      section(
        group,
        pairs.filter(([experiment]) => experiment.group === group),
      ),
    ),
  ].join("\n\n")}\n`;
}
