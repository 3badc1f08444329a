/** A training beside the load, and how fast it goes. */
import { setTimeout as pause } from "node:timers/promises";
import { json, post, type Job } from "../stack.ts";

interface Progress {
  status: string;
  step: number;
  updatedAt: string;
}

const batchSize = 64;

export interface Training {
  /** Samples a second over about so many seconds, from one update of its progress to another. */
  speed(seconds: number): Promise<number>;
  stop: () => Promise<void>;
}

/** Starts a training that ends only by `stop`, and waits until it runs. */
export async function startTraining(url: string): Promise<Training> {
  const { id } = await post<Job>(`${url}/v1/jobs`, { dataset: "mnist", network: "lenet-5", epochs: 10_000, batchSize });
  const progress = (): Promise<Progress> => json(`${url}/v1/jobs/${id}/progress`);
  /** The next update after the one that is there now. */
  const update = async (): Promise<Progress> => {
    const before = await progress();
    for (;;) {
      await pause(20);
      const now = await progress();
      if (now.updatedAt !== before.updatedAt && now.step > 0) return now;
      if (now.status === "failed") throw new Error(`the training ${id} failed`);
    }
  };
  await update();
  return {
    speed: async (seconds) => {
      const from = await update();
      await pause(seconds * 1000);
      const to = await update();
      return ((to.step - from.step) * batchSize * 1000) / (Date.parse(to.updatedAt) - Date.parse(from.updatedAt));
    },
    stop: async () => {
      await post(`${url}/v1/jobs/${id}/cancel`, {});
      while (!(await json<Job>(`${url}/v1/jobs/${id}`)).terminal) await pause(50);
    },
  };
}
