/** The section of docs/RESULTS.md about the suite. */
import type { Contender, SuiteRow } from "./run.ts";

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const ours = ["auto", "practitioner", "regression"];
const bestPreset = ({ contenders }: SuiteRow): Contender | null =>
  contenders
    .filter(({ name }) => !ours.includes(name))
    .reduce<Contender | null>((best, each) => (best && best.accuracy >= each.accuracy ? best : each), null);
const named = ({ contenders }: SuiteRow, name: string): Contender | null =>
  contenders.find((each) => each.name === name) ?? null;

/** `auto` less the better of the best preset and the practitioner. */
function ahead(row: SuiteRow): number {
  const rivals = [bestPreset(row), named(row, "practitioner")].flatMap((each) => each?.accuracy ?? []);
  return (named(row, "auto")?.accuracy ?? 0) - Math.max(...rivals);
}

const cell = (contender: Contender | null): string => (contender ? percent(contender.accuracy) : "");
function presetCell(row: SuiteRow): string {
  const best = bestPreset(row);
  return best ? `${percent(best.accuracy)} (${best.name})` : "none fits";
}

/** More than so much behind is said in samples: of a small split one weighs much. */
const markedly = 0.005;
function behindBy(row: SuiteRow): string {
  const { test } = row.samples;
  const samples = Number((-ahead(row) * test).toFixed(1));
  return `- ${row.title}: behind by ${samples} of ${test} test samples. One is ${percent(1 / test)}; nothing was changed for it, since the test split does not choose`;
}

/** Its paragraphs; none where nothing was measured. */
export function renderSuite(rows: readonly SuiteRow[]): string[] {
  if (rows.length === 0) return [];
  const lines = rows.map((row) => [
    row.title,
    `${row.samples.train} / ${row.samples.test}`,
    String(row.seconds),
    String(row.seeds),
    `**${cell(named(row, "auto"))}**`,
    presetCell(row),
    cell(named(row, "practitioner")),
    cell(named(row, "regression")),
    `${ahead(row) >= 0 ? "+" : "−"}${(100 * Math.abs(ahead(row))).toFixed(2)}`,
    percent(named(row, "auto")?.balanced ?? 0),
  ]);
  return [
    "## A dataset and nothing else",
    '`{"dataset":…,"stopWhen":{"maxSeconds":…}}` on sets that can be had or made on any Debian machine ' +
      "(`npm run results -- suite --fonts FOLDER`; sets and makers stand in `scripts/results/suite/sets.ts`). Accuracy on " +
      "the test split, of the epoch that a held-out part chose; the test split is looked at once, at the end. Seconds are " +
      "those of one processor, the same for _auto_ and for the practitioner: a network as PyTorch's tutorials have it (3×3 " +
      "convolutions, maxima, a hidden layer, dropout, Adam, a tenth held out for the best epoch; `practitioner.py`). The " +
      "presets take the epochs that they bring, logistic regression is scikit-learn's. _Seeds_: so many, from 1 " +
      "on, with which every contender was trained, more where the test split is small; figures are means over them. " +
      "_Ahead_: points before the better of " +
      "preset and practitioner. _Balanced_: the mean of the classes' accuracies, of _auto_.",
    table(
      [
        "set",
        "train / test",
        "seconds",
        "seeds",
        "auto",
        "best preset",
        "practitioner",
        "regression",
        "ahead",
        "balanced",
      ],
      lines,
    ),
    ...rows.filter((row) => ahead(row) < -markedly).map(behindBy),
    ...rows.flatMap(({ title, warnings }) => warnings.map((warning) => `- ${title}, warned: ${warning}`)),
  ];
}
