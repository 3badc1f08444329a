/**
 * Engine and peers in one run: for every case all contenders take turns, round by round, so that a busy machine is
 * unfair to nobody.
 *
 *     npm run bench                          everything (about ten minutes)
 *     npm run bench -- --quick               fewer and shorter rounds
 *     npm run bench -- --only native,PyTorch --case "B training"
 *     npm run bench -- --threads 1,4,8       with other counts of threads than 1 and 2
 *     npm run bench -- --race                only the time to 98 % and 99 % on MNIST
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatted } from "../scripts/formatted.ts";
import { casesWith, describeCase, networks, type Case } from "./cases.ts";
import { prepare, run, startContenders, type Contender } from "./contenders.ts";
import { measurePeak } from "./peak.ts";
import { root } from "./peers/load.ts";
import { race } from "./race.ts";
import { environment, markdown, median, type Cell, type Results, type Row } from "./report.ts";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    race: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    case: { type: "string", default: "" },
    threads: { type: "string", default: "" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    out: { type: "string", default: join(root, "bench", "results") },
  },
});
const rounds = Number(options.rounds ?? (options.quick ? 3 : 7));
const seconds = Number(options.seconds ?? (options.quick ? 0.3 : 0.6));

async function measureCase(wanted: Case, contenders: readonly Contender[]): Promise<Row> {
  const cells: (Cell & { by: Contender })[] = [];
  for (const by of contenders) {
    const { unsupported, error } = await prepare(by, { ...wanted, definition: networks[wanted.network] });
    cells.push({ by, contender: by.name, rates: [], median: null, bytes: null, why: unsupported ?? error ?? null });
  }
  const able = cells.filter(({ why }) => why === null);
  for (const each of able) await run(each.by, Math.min(seconds, 0.3));
  for (let round = 0; round < rounds; round++) {
    for (const each of able.filter(({ why }) => why === null)) {
      const chunk = await run(each.by, seconds);
      if (chunk.error) each.why = chunk.error;
      else {
        each.rates.push(chunk.samples / chunk.seconds);
        each.bytes = chunk.residentBytes;
      }
    }
  }
  for (const each of able) if (each.why === null) each.median = median(each.rates);
  return {
    case: wanted,
    cells: cells.map(({ by: _by, ...cell }) => cell),
  };
}

function show(row: Row): void {
  const said = row.cells.map(
    ({ contender, median: middle, why }) =>
      `${contender} ${middle === null ? `– (${why})` : Math.round(middle).toLocaleString("en")}`,
  );
  console.log(`${describeCase(row.case)}: ${said.join(" · ")}`);
}

const results: Results = {
  at: new Date().toISOString(),
  environment: environment(),
  peak: measurePeak(),
  contenders: [],
  missing: [],
  rows: [],
  race: [],
};
console.log(
  Object.entries(results.environment)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n"),
);
console.log(
  `peak of one core: ${results.peak ? `${results.peak.strict} GFLOP/s strict, ${results.peak.fused} fused` : "unknown"}\n`,
);

const only = options.only
  .split(",")
  .map((name) => name.trim())
  .filter(Boolean);
if (!options.race) {
  const contenders = await startContenders(only, (name, why) => results.missing.push({ name, why }));
  results.contenders = contenders.map(({ name, version, notes }) => ({ name, version, notes }));
  const threads = (options.threads || "1,2").split(",").map(Number);
  for (const wanted of casesWith(threads).filter((each) => describeCase(each).includes(options.case))) {
    const row = await measureCase(wanted, contenders);
    results.rows.push(row);
    show(row);
  }
  for (const each of contenders) each.close();
}
if (options.race || (!options.quick && options.case === ""))
  results.race = await race(only, (name, why) => results.missing.push({ name, why }));

mkdirSync(options.out, { recursive: true });
const name = options.race ? "race" : options.case === "" && only.length === 0 ? "bench" : "partial";
writeFileSync(join(options.out, `${name}.json`), `${JSON.stringify(results, null, 2)}\n`);
const report = await formatted({ root, file: `${name}.md`, text: markdown(results) });
writeFileSync(join(options.out, `${name}.md`), report);
console.log(`\n${report}\nwritten to ${join(options.out, `${name}.md`)} and ${name}.json`);
