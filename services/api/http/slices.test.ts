import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { expect, it } from "vitest";
import { sendJson, sendPage } from "./slices.ts";

/** What would be sent. */
async function sent(send: (reply: FastifyReply) => unknown): Promise<string> {
  let body: unknown;
  let serialize: (value: unknown) => string = (value) => JSON.stringify(value);
  const reply = {
    type: () => reply,
    serializer: (by: typeof serialize) => {
      serialize = by;
      return reply;
    },
    send: (value: unknown) => {
      body = value;
      return reply;
    },
  };
  send(reply as unknown as FastifyReply);
  if (typeof body === "string") return body;
  if (typeof body !== "object" || body === null || !("pipe" in body)) return serialize(body);
  let text = "";
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  await pipeline(body as Readable, sink);
  return text;
}

function* rows(): Generator<unknown> {
  yield { at: 1, of: [true, "ü"] };
  yield { at: 2, of: new Uint8Array([1, 2]) };
}

const plain = {
  name: 'a "name"',
  nothing: undefined,
  none: null,
  empty: [],
  hollow: {},
  numbers: Float32Array.from({ length: 3000 }, (_, at) => (at === 1500 ? Number.NaN : at / 2)),
};

it.each([0, 1_000_000])("writes what JSON.stringify would, with %s numbers", async (numbers) => {
  const text = await sent((reply) => sendJson(reply, { ...plain, rows: rows() }, numbers));
  expect(text).toBe(
    JSON.stringify({
      ...plain,
      numbers: [...plain.numbers],
      rows: [
        { at: 1, of: [true, "ü"] },
        { at: 2, of: [1, 2] },
      ],
    }),
  );
});

it.each([0, 1, 5000])("writes a page of %s entries", async (count) => {
  const page = { data: Array.from({ length: count }, (_, at) => ({ at, text: "x".repeat(50) })), hasMore: false };
  const whole = { ...page, nextAfter: null };
  expect(await sent((reply) => sendPage(reply, whole))).toBe(JSON.stringify(whole));
});
