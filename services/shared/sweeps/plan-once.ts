/** Plans of a sweep's trials, which are many and mostly alike. */
import type { OrderDependencies } from "../jobs/order.ts";

/** The same network asks for the same memory, whatever its rates: it is planned once. */
export function planOnce(planBytes: OrderDependencies["planBytes"]): OrderDependencies["planBytes"] {
  const known = new Map<string, ReturnType<typeof planBytes>>();
  const isRate = (name: string): boolean => name === "rate" || name === "learningRate";
  return (plan) => {
    const { network, batchSize, threads, numerics, loss, optimiser, validation: held, augmentation } = plan.request;
    const key = JSON.stringify(
      { network, batchSize, threads, numerics, loss, optimiser: optimiser.kind, held, augmentation },
      (name, value: unknown) => (isRate(name) ? 0 : value),
    );
    const planned = known.get(key) ?? planBytes(plan);
    known.set(key, planned);
    return planned;
  };
}
