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
  /** Its place among those that are watched. */
  place: number;
  request: FastifyRequest;
  bytes: number;
  /** When so many bytes had come. */
  since: number;
}

export const bodyWatch = plugin(async (app: App, { stallSeconds }: { stallSeconds: number }) => {
  // A list of places, no Set: the tables that a Set outgrows go on pointing at what was taken out of it, and each at
  // the next, so that every request would grow old before it is collected.
  const watched: (Watched | null)[] = [];
  const free: number[] = [];

  const look = (each: Watched | null): void => {
    if (!each) return;
    const { raw } = each.request;
    const stop = (): void => void (watched[each.place] = null);
    if (raw.complete || raw.destroyed) return stop();
    const { bytesRead } = raw.socket;
    // What has come and is not taken yet is our own delay, not the sender's.
    if (bytesRead - each.bytes >= leastBytes || raw.readableLength > 0) {
      each.bytes = bytesRead;
      each.since = performance.now();
      return;
    }
    if (performance.now() - each.since < stallSeconds * 1000) return;
    stop();
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
    const place = free.pop() ?? watched.length;
    watched[place] = { place, request, bytes: raw.socket.bytesRead, since: performance.now() };
    // Whatever has a body is answered, or its connection ends: the answer closes in either case.
    reply.raw.once("close", () => {
      watched[place] = null;
      free.push(place);
      request.letGo();
    });
    done();
  });
});
