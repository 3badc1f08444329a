/** What layers that weigh their inputs have learned by the end of an epoch. */
import { insideOf, isInside } from "../../../engine/index.ts";
import type { Trainer, TrainingSpec } from "../../../engine/index.ts";
import type { InsideRow } from "../../../schemas/inside.ts";

/** Of a whole job. One with more of them keeps the first epoch, the last, and every so-manieth between. */
const mostNumbers = 500_000;

/** null where no layer has such parameters, or the epoch is left out. */
export function insideAt(
  { epoch, step }: { epoch: number; step: number },
  trainer: Trainer,
  { network, input, epochs }: Pick<TrainingSpec, "network" | "input" | "epochs">,
): InsideRow | null {
  const layers = insideOf({ network, input, tensors: trainer.tensors(isInside) });
  if (layers.length === 0) return null;
  const numbers = layers.reduce(
    (sum, { beta, bias, alpha }) =>
      sum + (beta?.length ?? 0) + (bias?.length ?? 0) + (alpha?.reduce((all, row) => all + row.length + 1, 0) ?? 0),
    0,
  );
  const every = Math.ceil((numbers * epochs) / mostNumbers);
  return epoch === 1 || epoch === epochs || epoch % every === 0 ? { epoch, step, layers } : null;
}
