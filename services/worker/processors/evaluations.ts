/** The processor of the evaluations queue: has a model judged. The work stands in ../evaluations. */
import { WaitingError } from "bullmq";
import type { Job as Delivery } from "bullmq";
import { queuePayloads } from "../../../schemas/queue.ts";
import type { QueuePayload } from "../../../schemas/queue.ts";
import type { EvaluationProcessor } from "../evaluations/process-evaluation.ts";
import { takeTurn, type Ticket, type TurnOptions } from "./turns.ts";

/** `ending`: the worker ends, and another goes on. */
export async function evaluateModel(
  delivery: Ticket & Pick<Delivery<QueuePayload<"evaluations">>, "data" | "attemptsMade" | "opts" | "moveToWait">,
  token: string | undefined,
  { evaluations, ...turn }: { evaluations: EvaluationProcessor } & Omit<TurnOptions, "most">,
): Promise<void> {
  const named = queuePayloads.evaluations.parse(delivery.data).evaluationId;
  const taken = await takeTurn("evaluations", { delivery, token, named }, { ...turn, most: 0 });
  if (!taken) return;
  const last = delivery.attemptsMade + 1 >= (delivery.opts.attempts ?? 1);
  if ((await evaluations.process({ evaluationId: taken.id, signal: turn.ending, last })) === "done") return;
  await delivery.moveToWait(token);
  throw new WaitingError();
}
