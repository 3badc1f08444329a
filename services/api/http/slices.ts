/**
 * Large answers, written a slice at a time: between two slices the event loop serves others, and what the reader has
 * not taken yet is not written out. A value may hold typed arrays and iterables where its JSON has lists, so that it
 * need not stand in memory twice.
 */
import { Readable } from "node:stream";
import { setImmediate as others } from "node:timers/promises";
import type { FastifyReply } from "fastify";

const numbersAtOnce = 1024;
const sliceCharacters = 64 * 1024;
/** So many numbers are written in about a millisecond: a slice would only be slower. */
const fewNumbers = 8192;

type Numbers = Float32Array | Uint8Array | Int32Array;
const isNumbers = (value: unknown): value is Numbers =>
  value instanceof Float32Array || value instanceof Uint8Array || value instanceof Int32Array;
const isIterable = (value: object): value is Iterable<unknown> => Symbol.iterator in value;

/** JSON has no word for what is not finite: null, as JSON.stringify writes it. */
function* numbersText(values: Numbers): Generator<string> {
  for (let from = 0; from < values.length; from += numbersAtOnce) {
    const some = JSON.stringify(Array.from(values.subarray(from, from + numbersAtOnce)));
    yield (from === 0 ? "" : ",") + some.slice(1, -1);
  }
}

/** The whole text at once. */
export const jsonText = (value: unknown): string => [...jsonParts(value)].join("");

function* jsonParts(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null) yield JSON.stringify(value) ?? "null";
  else if (isNumbers(value)) {
    yield "[";
    yield* numbersText(value);
    yield "]";
  } else if (isIterable(value)) {
    let sign = "[";
    for (const each of value) {
      yield sign;
      yield* jsonParts(each);
      sign = ",";
    }
    yield sign === "[" ? "[]" : "]";
  } else {
    let sign = "{";
    for (const [name, each] of Object.entries(value)) {
      if (each === undefined) continue;
      yield `${sign}${JSON.stringify(name)}:`;
      yield* jsonParts(each);
      sign = ",";
    }
    yield sign === "{" ? "{}" : "}";
  }
}

async function* inSlices(value: unknown): AsyncGenerator<string> {
  let text = "";
  for (const part of jsonParts(value)) {
    text += part;
    if (text.length < sliceCharacters) continue;
    yield text;
    text = "";
    await others();
  }
  yield text;
}

/**
 * Sends an answer of about `numbers` numbers. Whatever can fail must have been checked: once the first slice is out,
 * there is no problem to answer any more.
 */
export function sendJson(reply: FastifyReply, value: unknown, numbers: number): FastifyReply {
  reply.type("application/json; charset=utf-8");
  if (numbers > fewNumbers) return reply.send(Readable.from(inSlices(value), { objectMode: false }));
  return reply.send(jsonText(value));
}

/** Sends a page of a list, an entry at a time: each is short enough to be written in one go. */
export function sendPage<Item>(
  reply: FastifyReply,
  page: { data: readonly Item[]; hasMore: boolean; nextAfter: string | null },
): FastifyReply {
  const { data, ...rest } = page;
  const text = async function* (): AsyncGenerator<string> {
    let sign = '{"data":[';
    let waiting = "";
    for (const each of data) {
      waiting += sign + JSON.stringify(each);
      sign = ",";
      if (waiting.length < sliceCharacters) continue;
      yield waiting;
      waiting = "";
      await others();
    }
    yield `${waiting}${data.length === 0 ? sign : ""}],${JSON.stringify(rest).slice(1)}`;
  };
  reply.type("application/json; charset=utf-8");
  return reply.send(Readable.from(text(), { objectMode: false }));
}
