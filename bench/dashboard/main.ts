/**
 * The dashboard in a real Chromium, measured by the browser's own recordings.
 *
 *     npm run bench -- --dashboard                    everything, about ten minutes
 *     npm run bench -- --dashboard --marks list,rows  these alone
 *     npm run bench -- --dashboard --minutes 60       the tab that is left open for an hour (6 minutes otherwise)
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatted } from "../../scripts/formatted.ts";
import { startBrowser } from "../../tests/support/browser.ts";
import { root } from "../peers/load.ts";
import { environment } from "../report.ts";
import * as marks from "./marks.ts";
import { keeps, markdown, sentence, type DashboardResults, type Measured } from "./report.ts";
import { startLooked } from "./service.ts";

const all: Record<string, (measuring: marks.Measuring) => Promise<Measured[]>> = {
  load: marks.firstLoad,
  interactive: marks.untilInteractive,
  drawing: marks.drawing,
  rows: marks.manyRows,
  fast: marks.fastJob,
  list: marks.longList,
  open: marks.leftOpen,
};

const { values: options } = parseArgs({
  options: {
    dashboard: { type: "boolean", default: true },
    marks: { type: "string", default: Object.keys(all).join() },
    minutes: { type: "string", default: "6" },
    seconds: { type: "string", default: "15" },
    out: { type: "string", default: join(root, "bench", "results") },
  },
});

const wanted = options.marks.split(",");
const unknown = wanted.find((name) => !(name in all));
if (unknown !== undefined) throw new Error(`there is no mark '${unknown}'; there are ${Object.keys(all).join(", ")}`);

const load = (): number => loadavg()[0] ?? 0;
const before = load();
console.log("dashboard: training a LeNet-5 …");
const looked = await startLooked();
const measured: Measured[] = [];
let version = "";
try {
  const browser = await startBrowser();
  version = `Chromium ${browser.version()}`;
  const measuring = { browser, looked, minutes: Number(options.minutes), seconds: Number(options.seconds) };
  try {
    for (const [name, measure] of Object.entries(all))
      if (wanted.includes(name))
        for (const each of await measure(measuring)) {
          measured.push(each);
          console.log(sentence(each));
        }
  } finally {
    await browser.close();
  }
} finally {
  await looked.stop();
}
const results: DashboardResults = {
  at: new Date().toISOString(),
  environment: environment(),
  browser: version,
  load: [before, load()],
  measured,
};
const name = wanted.length === Object.keys(all).length ? "dashboard" : "dashboard-partial";
mkdirSync(options.out, { recursive: true });
writeFileSync(join(options.out, `${name}.json`), `${JSON.stringify(results, null, 2)}\n`);
const report = await formatted({ root, file: `${name}.md`, text: markdown(results) });
writeFileSync(join(options.out, `${name}.md`), report);
console.log(`\n${report}\nwritten to ${join(options.out, `${name}.md`)} and ${name}.json`);
if (!measured.every(keeps)) process.exitCode = 1;
