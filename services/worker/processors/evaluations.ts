/** The processor of the evaluations queue: has a model judged. The work stands in ../evaluations. */
import { WaitingError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import type { EvaluationProcessor } from "../evaluations/process-evaluation.ts";

/** `signal`: the worker ends, and another goes on. */
export async function evaluateModel(
  delivery: Pick<Delivery<QueuePayload<"evaluations">>, "data" | "attemptsMade" | "opts" | "moveToWait">,
  token: string | undefined,
  evaluations: EvaluationProcessor,
  signal: AbortSignal,
): Promise<void> {
  const { evaluationId } = queuePayloads.evaluations.parse(delivery.data);
  const last = delivery.attemptsMade + 1 >= (delivery.opts.attempts ?? 1);
  if ((await evaluations.process({ evaluationId, signal, last })) === "done") return;
  await delivery.moveToWait(token);
  throw new WaitingError();
}
