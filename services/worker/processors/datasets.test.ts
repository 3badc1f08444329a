import { DelayedError } from "bullmq";
import { expect, test, vi } from "vitest";
import type { UploadProcessor } from "../datasets/process-upload.ts";
import { CheckPlaces, checkDataset } from "./datasets.ts";

test("a quick check has a place beside any number of others, and one alone", () => {
  const places = new CheckPlaces(2);
  const [first, second] = [places.take(false), places.take(true)];
  expect([first, second].every((leave) => leave !== null)).toBe(true);
  expect(places.take(false)).toBeNull();
  const quick = places.take(true);
  expect(quick).not.toBeNull();
  expect(places.take(true)).toBeNull();
  quick?.();
  expect(places.take(false)).toBeNull();
  expect(places.take(true)).not.toBeNull();
  first?.();
  expect(places.take(false)).not.toBeNull();
});

test("a check that finds no place waits in the queue, and gives its place back however it ends", async () => {
  const places = new CheckPlaces(1);
  const moveToDelayed = vi.fn<(at: number) => Promise<void>>(async () => undefined);
  const check = (quick: boolean, process: () => Promise<void>) =>
    checkDataset(
      { data: { version: 1, datasetId: `ds_${"0".repeat(26)}` }, attemptsMade: 0, opts: {}, moveToDelayed },
      "token",
      {
        uploads: { isQuick: async () => quick, process } as unknown as UploadProcessor,
        places,
        signal: new AbortController().signal,
      },
    );
  let end: () => void = () => undefined;
  const long = check(false, () => new Promise((resolve) => (end = resolve)));
  await expect(check(false, async () => undefined)).rejects.toThrow(DelayedError);
  expect(moveToDelayed).toHaveBeenCalledOnce();
  await check(true, async () => undefined);
  await expect(check(true, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  await check(true, async () => undefined);
  end();
  await long;
  await check(false, async () => undefined);
});
