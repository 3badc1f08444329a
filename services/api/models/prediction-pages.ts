/** A page of stored predictions as an answer, whoever made them. */
import type { FastifyReply } from "fastify";
import { sendJson } from "../http/slices.ts";
import type { Selection, StoredPredictions } from "./stored-predictions.ts";

/** Numbers of a page: of a model with many classes it has fewer rows. */
const mostNumbers = 1_000_000;

export interface PredictionsQuery extends Pick<Selection, "only" | "sort" | "limit"> {
  class?: number | undefined;
  predicted?: number | undefined;
  after?: number | undefined;
  order?: Selection["order"] | undefined;
}

export async function sendPredictions(
  reply: FastifyReply,
  stored: StoredPredictions,
  file: Parameters<StoredPredictions["page"]>[0],
  query: PredictionsQuery,
): Promise<FastifyReply> {
  const { only, sort, limit: wanted, order = sort === "index" ? "asc" : "desc" } = query;
  const limit = Math.max(1, Math.min(wanted, Math.floor(mostNumbers / file.classes)));
  const { class: truth = null, predicted = null, after = null } = query;
  const page = await stored.page(file, { only, class: truth, predicted, sort, limit, after, order });
  return sendJson(reply, page, limit * file.classes);
}
