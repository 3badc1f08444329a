/** Server-sent events over fetch, gone on with by id wherever the connection breaks. */
import { backOff, pause } from "./pause.ts";
import { Problem, Unreachable } from "./problem.ts";
import type { CallOptions, Transport } from "./transport.ts";

export interface EventsOptions extends CallOptions {
  /** The id of the last event that was seen; from the beginning without. */
  after?: string | undefined;
  /** Seconds without a connection after which it gives up; for ever with Infinity. 120 by default. */
  patienceSeconds?: number;
  /** Told when the connection is lost, and when it is there again. */
  onConnection?: (state: "open" | "lost") => void;
}

/** The service sends a comment every 15 s: a connection that is silent for three of them is dead. */
const longestSilenceMs = 45_000;

/** Reads what is sent and yields the data of each event. */
async function* dataOf(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      alive();
      text += decoder.decode(next.value, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = block
          .split("\n")
          .filter((line) => line.startsWith("data:"))
          .map((line) => line.slice(line.startsWith("data: ") ? 6 : 5));
        if (data.length > 0) yield data.join("\n");
      }
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

interface Sent {
  id: string;
  type: string;
  data: object;
}
const isLast = ({ type, data }: Sent): boolean => type === "status" && "terminal" in data && data.terminal === true;

interface Connection {
  transport: Transport;
  at: string;
  after: string | undefined;
  options: EventsOptions;
}

/** One connection: null where everything was seen before (204). */
async function connect(
  { transport, at, after, options }: Connection,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array> | null> {
  const headers = { ...options.headers, ...(after === undefined ? {} : { "last-event-id": after }) };
  const response = await transport.response(
    { method: "GET", path: at, accept: "text/event-stream", retries: 0 },
    { ...options, headers, signal },
  );
  return response.status === 204 ? null : response.body;
}

/** What is worth another try: a broken connection, a service that is ending, starting or busy. */
const passes = (error: unknown): boolean =>
  error instanceof Problem ? [429, 502, 503, 504].includes(error.status) : true;

/** Yields events until one says that the thing has ended. */
export async function* follow<Each extends Sent>(
  transport: Transport,
  at: string,
  options: EventsOptions = {},
): AsyncGenerator<Each, void, undefined> {
  const { signal, patienceSeconds = 120, onConnection } = options;
  let { after } = options;
  let failures = 0;
  let lostAt = Date.now();
  for (;;) {
    const silence = new AbortController();
    const stop = (): void => silence.abort(signal?.reason);
    signal?.addEventListener("abort", stop, { once: true });
    let timer = setTimeout(stop, longestSilenceMs);
    const alive = (): void => {
      clearTimeout(timer);
      timer = setTimeout(stop, longestSilenceMs);
      failures = 0;
      lostAt = Date.now();
    };
    try {
      signal?.throwIfAborted();
      const body = await connect({ transport, at, after, options }, silence.signal);
      if (body === null) return;
      onConnection?.("open");
      for await (const text of dataOf(body, alive)) {
        const event = JSON.parse(text) as Each;
        after = event.id;
        yield event;
        if (isLast(event)) return;
      }
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      if (!passes(error)) throw error;
      if (Date.now() - lostAt > patienceSeconds * 1000)
        throw error instanceof Problem || error instanceof Unreachable
          ? error
          : new Unreachable(transport.url(at), error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      silence.abort();
    }
    onConnection?.("lost");
    await pause(backOff(failures++), signal);
  }
}
