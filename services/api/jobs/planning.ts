/** Plans for orders, made on a prediction thread: what cannot be planned does not fit. */
import { ComputationError, type Prediction } from "../../prediction/index.ts";
import type { OrderDependencies } from "../../shared/jobs/order.ts";
import { doesNotFit } from "../http/problem.ts";

export const planBytesWith =
  (prediction: Prediction): OrderDependencies["planBytes"] =>
  (plan) =>
    prediction.planBytes(plan).catch((error: unknown) => {
      if (error instanceof ComputationError && error.fault === "refused")
        throw doesNotFit([{ pointer: error.pointer ?? "", detail: error.message }]);
      throw error;
    });
