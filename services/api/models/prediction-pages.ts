/** A page of stored predictions as an answer, whoever made them. */
import type { FastifyReply } from "fastify";
import { sendJson } from "../http/slices.ts";
import type { Selection, StoredPredictions } from "./stored-predictions.ts";

/** Numbers of a page: of a model with many classes it has fewer rows. */
const mostNumbers = 1_000_000;

export interface PredictionsQuery extends Pick<Selection, "only" | "sort" | "limit"> {
  after?: number | undefined;
  order?: Selection["order"] | undefined;
}

export async function sendPredictions(
  reply: FastifyReply,
  stored: StoredPredictions,
  file: Parameters<StoredPredictions["page"]>[0],
  { only, sort, limit: wanted, after, order = sort === "index" ? "asc" : "desc" }: PredictionsQuery,
): Promise<FastifyReply> {
  const limit = Math.max(1, Math.min(wanted, Math.floor(mostNumbers / file.classes)));
  const page = await stored.page(file, { only, sort, limit, after: after ?? null, order });
  return sendJson(reply, page, limit * file.classes);
}
