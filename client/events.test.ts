import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  json,
  refusal,
  startScriptedServer,
  type Scripted,
  type ScriptedServer,
} from "../tests/support/scripted-server.ts";
import { Client, Problem } from "./index.ts";

let server: ScriptedServer;
let client: Client;
beforeAll(async () => {
  server = await startScriptedServer();
  client = new Client(server.url);
});
afterAll(() => server.stop());

const warning = (id: number, detail = "ä") => ({ id: String(id), type: "warning", data: { code: "c", detail } });
const end = (id: number) => ({ id: String(id), type: "status", data: { status: "succeeded", terminal: true } });
const line = (event: { id: string; type: string }) =>
  `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

/** Sends in single bytes, so that every event and every character is cut somewhere. */
async function send(response: ServerResponse, text: string): Promise<void> {
  for (const byte of Buffer.from(text)) {
    response.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
const stream =
  (text: string, then: "end" | "destroy"): Scripted =>
  async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    await send(response, text);
    response[then]();
  };
const lastIds = () => server.heard.map(({ headers }) => headers["last-event-id"]);

it("goes on by id over a broken connection, a proper end and a refusal, and ends with the job", async () => {
  server.script(
    stream(`retry: 1000\n\n${line(warning(1))}:\n\n${line(warning(2))}id: 3\nevent: warn`, "destroy"),
    refusal(503, "overloaded"),
    stream(`${line(warning(3))}: the service is ending\n\n`, "end"),
    stream(`${line(warning(4))}${line(end(5))}${line(warning(6))}`, "end"),
  );
  const states: string[] = [];
  const seen: string[] = [];
  for await (const event of client.jobs.events("job_1", { onConnection: (state) => states.push(state) }))
    seen.push(event.id);
  expect(seen).toEqual(["1", "2", "3", "4", "5"]);
  expect(lastIds()).toEqual([undefined, "2", "2", "3"]);
  expect(states).toEqual(["open", "lost", "lost", "open", "lost", "open"]);
  expect(server.heard[0].headers.accept).toBe("text/event-stream");
});

it("starts after an id, and ends at once where all was seen", async () => {
  server.script((response) => void response.writeHead(204).end());
  const events = client.jobs.events("job_1", { after: "7" });
  expect(await events.next()).toEqual({ done: true, value: undefined });
  expect(lastIds()).toEqual(["7"]);
});

it("throws what no other try would mend", async () => {
  server.script(refusal(404, "not-found"));
  await expect(client.sweeps.events("swp_1").next()).rejects.toBeInstanceOf(Problem);
  expect(server.heard.length).toBe(1);
});

it("gives up after its patience", async () => {
  server.script((response) => void response.destroy());
  await expect(client.jobs.events("job_1", { patienceSeconds: 3 }).next()).rejects.toThrow(/does not answer/);
  expect(server.heard.length).toBeGreaterThan(1);
});

it("ends with its signal, and closes the connection when the reader leaves", async () => {
  let closed = 0;
  const open: Scripted = (response) => {
    response.on("close", () => closed++);
    response.writeHead(200, { "content-type": "text/event-stream" }).write(line(warning(1)));
  };
  server.script(open);
  const ending = new AbortController();
  const reason = new Error("enough");
  const events = client.jobs.events("job_1", { signal: ending.signal });
  await events.next();
  setTimeout(() => ending.abort(reason), 20);
  await expect(events.next()).rejects.toBe(reason);
  for await (const _event of client.jobs.events("job_1")) break;
  await expect.poll(() => closed).toBe(2);
});

it("waits for the end and answers the job as it is then", async () => {
  server.script(stream(line(warning(1)) + line(end(2)), "end"), json({ id: "job_1", status: "succeeded" }));
  const seen: string[] = [];
  expect(await client.jobs.wait("job_1", { onEvent: ({ id }) => seen.push(id) })).toMatchObject({
    status: "succeeded",
  });
  expect(seen).toEqual(["1", "2"]);
});
