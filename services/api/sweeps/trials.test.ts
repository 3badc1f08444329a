import { expect, it } from "vitest";
import { withPreset } from "../../../schemas/complete.ts";
import { sweepRequest } from "../../../schemas/sweep.ts";
import { trialsQuery } from "../../../schemas/trial.ts";
import { complete } from "../../../search/index.ts";
import type { Records, SweepRecord } from "../../shared/records/index.ts";
import type { Mirror } from "../mirror.ts";
import { SweepTrials } from "./trials.ts";

/** Pages of a sweep of which something is told between any two questions; how often its trials were read. */
function watched(trials: number) {
  const completed = complete({
    request: sweepRequest.parse({
      base: { dataset: "pets", network: "lenet-5" },
      space: { "/optimiser/learningRate": { log: [0.001, 0.1] } },
      search: { kind: "random", trials },
    }),
    expand: withPreset,
    dataset: { shape: { channels: 1, height: 28, width: 28 }, classes: 7, samples: 70, measured: null },
    pace: { secondsPerEpoch: null, slots: 1 },
  });
  if ("problems" in completed) throw new Error(JSON.stringify(completed.problems));
  const found = { reads: 0 };
  const pages = new SweepTrials({
    allRecords: {
      sweeps: {
        trials: () => {
          found.reads++;
          return Promise.resolve({ jobs: new Map(), started: [], outcomes: [], over: new Set() });
        },
      },
    } as unknown as Records,
    mirror: {
      copies: () => ({ get: (_id: string, make: () => Promise<unknown>) => make() }),
    } as unknown as Mirror,
  });
  const page = (fields: Partial<SweepRecord> = {}) => {
    const { request } = completed;
    const dataset = { id: "dts_1", revision: "a" };
    const record = { id: "swp_1", request, dataset, status: "running", ...fields } as SweepRecord;
    return pages.page(record, trialsQuery.parse({ limit: "3" }));
  };
  return { page, found };
}

it("finds anew where ten thousand trials stand now and then, not for every page", async () => {
  const { page, found } = watched(10_000);
  for (let at = 0; at < 5; at++) expect((await page()).data).toHaveLength(3);
  expect(found.reads).toBe(1);
  // Another plan, and the end of all, are seen at once.
  await page({ dataset: { id: "dts_1", revision: "b" } });
  await page({ status: "succeeded" });
  expect(found.reads).toBe(3);
});

it("shows a smaller sweep as it is", async () => {
  const { page, found } = watched(27);
  await page();
  await page();
  expect(found.reads).toBe(2);
});
