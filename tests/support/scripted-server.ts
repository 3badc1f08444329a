/** An HTTP server whose every answer a test writes by hand. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

export interface Heard {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

export type Scripted = (response: ServerResponse, heard: Heard) => void | Promise<void>;

export interface ScriptedServer {
  url: string;
  /** Every request, in order. */
  heard: Heard[];
  /** What the next requests get; the last one stays. */
  script(...answers: Scripted[]): void;
  stop(): Promise<void>;
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const heard: Heard[] = [];
  let answers: Scripted[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = "", url = "", headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks) };
      heard.push(one);
      await (answers.length > 1 ? answers.shift() : answers[0])?.(response, one);
    })().catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    script: (...given) => {
      answers = given;
      heard.length = 0;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Answers JSON. */
export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Scripted =>
  (response) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

/** Refuses as the service does. */
export const refusal =
  (status: number, code: string, headers: Record<string, string> = {}): Scripted =>
  (response) =>
    void response.writeHead(status, { "content-type": "application/problem+json", ...headers }).end(
      JSON.stringify({
        type: `/problems/${code}`,
        title: code,
        status,
        detail: `refused: ${code}`,
        instance: "/",
        code,
        errors: [{ pointer: "/epochs", detail: "expected a number" }],
      }),
    );
