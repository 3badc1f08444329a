/** Members of the outbox: what must still reach a queue, and which. */
import type { QueueName } from "../../schemas/queue.ts";
import { fromForms } from "./forms.ts";

export const orderForms = {
  /** A job's delivery, by its number in the job's life. */
  training: "training:{job}:{run}",
  /** A dataset to check. */
  datasets: "datasets:{dataset}",
  /** An evaluation to make. */
  evaluations: "evaluations:{evaluation}",
  /** A sweep to coordinate, by the delivery's number in its life. */
  sweeps: "sweeps:{sweep}:{run}",
  /** An event to tell the user's server of. */
  webhooks: "webhooks:{job}:{event}",
} as const satisfies Record<QueueName, string>;

export const orders = fromForms(orderForms);

export type OutboxOrder =
  | { queue: "training"; job: string; run: number }
  | { queue: "datasets"; dataset: string }
  | { queue: "evaluations"; evaluation: string }
  | { queue: "sweeps"; sweep: string; run: number }
  | { queue: "webhooks"; job: string; event: string };

/** What a member asks for; null where nobody knows (a newer version wrote it). */
export function readOrder(member: string): OutboxOrder | null {
  const [queue, first, second] = member.split(":");
  if (first === undefined || first === "") return null;
  if (queue === "datasets" && second === undefined) return { queue, dataset: first };
  if (queue === "evaluations" && second === undefined) return { queue, evaluation: first };
  if (second === undefined || !/^\d+$/.test(second)) return null;
  if (queue === "training") return { queue, job: first, run: Number(second) };
  if (queue === "sweeps") return { queue, sweep: first, run: Number(second) };
  if (queue === "webhooks") return { queue, job: first, event: second };
  return null;
}
