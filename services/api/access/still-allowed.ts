/** Whether who asked for a stream may still read it: keys end, and are revoked. */
import type { FastifyRequest } from "fastify";
import type { Dependencies } from "../dependencies.ts";
import type { StillAllowed } from "../http/streams.ts";
import { isOver } from "../../shared/records/index.ts";

export function stillAllowed({ keyring }: Pick<Dependencies, "keyring">, request: FastifyRequest): StillAllowed {
  const { key, sessionEnds } = request.access;
  return async () => key === null || (!isOver(sessionEnds) && (await keyring.isStillGood(key)));
}
