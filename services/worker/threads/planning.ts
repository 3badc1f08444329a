/** Plans of trainings for the worker's main thread, which computes nothing itself. */
import type { OrderDependencies } from "../../shared/jobs/order.ts";
import { doesNotFit } from "../../shared/refusal.ts";
import type { ThreadPool } from "./pool.ts";
import type { FromThread } from "./protocol.ts";

/** Throws Refusal for a training that cannot be. */
export const planBytesOn =
  (pool: ThreadPool): OrderDependencies["planBytes"] =>
  async (of) => {
    let release = (): void => undefined;
    try {
      return await new Promise((resolve, reject) => {
        const hear = (message: FromThread): void => {
          if (message.kind === "sized") resolve({ bytes: message.bytes });
          else if (message.kind === "unsized") reject(doesNotFit([message]));
          else if (message.kind === "broken") reject(new Error(message.message));
        };
        const thread = pool.lease({ message: hear, gone: reject });
        release = () => thread.release();
        thread.tell({ kind: "size", of });
      });
    } finally {
      release();
    }
  };
