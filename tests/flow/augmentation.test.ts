/**
 * A training on distorted samples through the whole system: where a processor is left a thread distorts them ahead, and
 * the model is the same.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Stack } from "../support/stack.ts";
import { startStackWithStrokes, strokesJob } from "../support/strokes.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStackWithStrokes();
});
afterAll(() => stack.stop());

async function weights(fields: object): Promise<string> {
  const { body } = await stack.ask("/v1/jobs", { body: { ...strokesJob, ...fields } });
  const job = await stack.ended(body.id as string);
  expect(job.status).toBe("succeeded");
  return job.receipt.weights as string;
}

it("leaves the same weights on one thread and on two, others without distortion", async () => {
  const augmentation = { shift: 1.5, rotate: 10, elastic: { alpha: 20, sigma: 3 } };
  const alone = await weights({ threads: 1, augmentation });
  expect(await weights({ threads: 2, augmentation })).toBe(alone);
  expect(await weights({ threads: 1 })).not.toBe(alone);
});
