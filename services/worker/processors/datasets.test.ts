import { DelayedError } from "bullmq";
import { expect, test, vi } from "vitest";
import type { Records } from "../../shared/records/index.ts";
import type { UploadProcessor } from "../datasets/process-upload.ts";
import { CheckPlaces, checkDataset } from "./datasets.ts";
import type { Ticket } from "./turns.ts";

const mebibyte = 1024 * 1024;
const any = Number.MAX_SAFE_INTEGER;

test("a quick check has a place beside any number of others, and one alone", () => {
  const places = new CheckPlaces(2);
  const [first, second] = [places.take(), places.take()];
  expect([first.most, second.most]).toEqual([any, any]);
  const quick = places.take();
  expect(quick.most).toBe(mebibyte);
  quick.leave();
  expect(places.take().most).toBe(mebibyte);
  first.leave();
  expect(places.take().most).toBe(any);
});

test("a check asks for a turn by the place that it has, and gives the place back however it ends", async () => {
  const places = new CheckPlaces(1);
  const ending = new AbortController();
  const [moveToDelayed, changePriority] = [
    vi.fn<Ticket["moveToDelayed"]>(async () => undefined),
    vi.fn<Ticket["changePriority"]>(async () => undefined),
  ];
  const take = vi.fn<Records["turns"]["take"]>(async (_queue, id) => ({ kind: "take", id, run: 0 }));
  const id = `ds_${"0".repeat(26)}`;
  const check = (process: () => Promise<void>) =>
    checkDataset(
      { id, data: { version: 1, datasetId: id }, attemptsMade: 0, opts: {}, moveToDelayed, changePriority },
      "t",
      {
        uploads: { process } as unknown as UploadProcessor,
        places,
        turns: { take } as unknown as Records["turns"],
        redisRun: "r",
        ending: ending.signal,
      },
    );
  const asked = (): number | undefined => take.mock.lastCall?.[2].most;
  let end: () => void = () => undefined;
  const long = check(() => new Promise((resolve) => (end = resolve)));
  await vi.waitFor(() => expect(asked()).toBe(any));
  await check(async () => undefined);
  expect(asked()).toBe(mebibyte);
  await expect(check(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  // The worker ends, so that nothing rests.
  ending.abort();
  take.mockResolvedValueOnce({ kind: "wait" });
  await expect(check(async () => undefined)).rejects.toThrow(DelayedError);
  expect([moveToDelayed.mock.calls.length, changePriority.mock.lastCall]).toEqual([1, [{ priority: 1 }]]);
  end();
  await long;
  take.mockResolvedValueOnce({ kind: "none" });
  await check(() => Promise.reject(new Error("nothing is left to check")));
  expect(asked()).toBe(any);
});
