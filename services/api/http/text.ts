/** Answers that stand ready as JSON text. */
import type { FastifyReply } from "fastify";

const json = "application/json; charset=utf-8";

interface Told {
  text: string;
}

/** Sends a text, at once where it is at hand. It must be what the route's schema says: nobody compares it here. */
export function sendText(reply: FastifyReply, told: Told | Promise<Told>): Promise<never> {
  const send = ({ text }: Told): never => reply.type(json).send(text) as never;
  return told instanceof Promise ? told.then(send) : send(told);
}
