/**
 * Bodies that stop coming. Whoever sends a body may take as long as it needs, but has to go on: where next to nothing
 * comes for a while, the request is refused with 408 and its connection closed, so that what it holds (memory, a file,
 * a record, a lease) is given back.
 */
import type { FastifyRequest } from "fastify";
import plugin from "fastify-plugin";
import { Problem } from "../http/problem.ts";
import type { App } from "../http/types.ts";
import { refuseOnSocket } from "../http/unreadable.ts";

/** In the time of a stall at least so many bytes have to come. */
const leastBytes = 4096;
const lookEveryMs = 1000;

interface Watched {
  request: FastifyRequest;
  bytes: number;
  /** When so many bytes had come. */
  since: number;
}

export const bodyWatch = plugin(async (app: App, { stallSeconds }: { stallSeconds: number }) => {
  const watched = new Set<Watched>();

  const look = (each: Watched): void => {
    const { raw } = each.request;
    if (raw.complete || raw.destroyed) return void watched.delete(each);
    const { bytesRead } = raw.socket;
    // What has come and is not taken yet is our own delay, not the sender's.
    if (bytesRead - each.bytes >= leastBytes || raw.readableLength > 0) {
      each.bytes = bytesRead;
      each.since = performance.now();
      return;
    }
    if (performance.now() - each.since < stallSeconds * 1000) return;
    watched.delete(each);
    refuseOnSocket(
      raw.socket,
      new Problem({
        code: "request-timeout",
        detail: `less than ${leastBytes} bytes of the body came in ${stallSeconds} s; send it again, without pauses`,
      }),
    );
    raw.destroy();
  };

  const timer = setInterval(() => watched.forEach(look), lookEveryMs);
  timer.unref();
  app.addHook("onClose", async () => clearInterval(timer));
  app.addHook("onRequest", (request, reply, done) => {
    const { headers, raw } = request;
    if (headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0) return done();
    const each = { request, bytes: raw.socket.bytesRead, since: performance.now() };
    watched.add(each);
    reply.raw.once("close", () => watched.delete(each));
    done();
  });
});
