/**
 * What never becomes a request that a route could answer: the refusal is written to the socket as a problem, like all
 * others.
 */
import { STATUS_CODES, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionError } from "fastify";
import { Problem } from "./problem.ts";

function problemOf({ code }: ConnectionError): Problem {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new Problem({
        code: "payload-too-large",
        detail: "the headers of this request are longer than the 16 KiB the service takes",
      });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new Problem({ code: "request-timeout", detail: "the request did not arrive in time" });
    case "HPE_INVALID_METHOD":
      return new Problem({ code: "invalid-request", detail: "there is no such HTTP method" });
    default:
      return new Problem({ code: "invalid-request", detail: "this is not an HTTP request that can be read" });
  }
}

/** Answers on the socket itself and closes it. Nothing may have been answered before. */
export function refuseOnSocket(socket: Duplex, problem: Problem): void {
  if (socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(problem.body("/"));
  const head = [
    `HTTP/1.1 ${problem.statusCode} ${STATUS_CODES[problem.statusCode]}`,
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(problem.headers).map(([name, value]) => `${name}: ${value}`),
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

export function refuseUnreadable(error: ConnectionError, socket: Socket): void {
  if (error.code === "ECONNRESET") return;
  refuseOnSocket(socket, problemOf(error));
}

/** What Node's server would answer by itself, in other words than ours. */
export function refuseUnusual(server: Server): void {
  server.on("checkExpectation", (request: IncomingMessage) =>
    refuseOnSocket(
      request.socket,
      new Problem({
        code: "expectation-failed",
        detail: `Expect: '${(request.headers.expect ?? "").slice(0, 60)}' cannot be met; only 100-continue can`,
      }),
    ),
  );
  server.on("connect", (_request: IncomingMessage, socket: Duplex) =>
    refuseOnSocket(
      socket,
      new Problem({
        code: "method-not-allowed",
        detail: "CONNECT is not offered: this service is no proxy",
        headers: { allow: "GET, HEAD, POST, PUT, PATCH, DELETE" },
      }),
    ),
  );
}
