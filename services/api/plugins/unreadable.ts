/**
 * What is not HTTP, or too much of it, never becomes a request: the parser's refusal is written to the socket as a
 * problem, like all others.
 */
import { STATUS_CODES } from "node:http";
import type { ConnectionError } from "fastify";
import type { Socket } from "node:net";
import { Problem } from "../http/problem.ts";

function problemOf({ code }: ConnectionError): Problem {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new Problem({
        code: "payload-too-large",
        detail: "the headers of this request are longer than the 16 KiB the service takes",
      });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new Problem({ code: "malformed-body", detail: "the request did not arrive in time" });
    case "HPE_INVALID_METHOD":
      return new Problem({ code: "invalid-request", detail: "there is no such HTTP method" });
    default:
      return new Problem({ code: "invalid-request", detail: "this is not an HTTP request that can be read" });
  }
}

export function refuseUnreadable(error: ConnectionError, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(error);
  const body = JSON.stringify(problem.body("/"));
  const head = [
    `HTTP/1.1 ${problem.statusCode} ${STATUS_CODES[problem.statusCode]}`,
    "content-type: application/problem+json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
