/** A reader of server-sent events. */

export interface Sent {
  id: string;
  type: string;
  // Events of every type pass here.
  // eslint-disable-next-line typescript/no-explicit-any
  data: any;
}

/** Reads until the stream ends, `enough` says so, or `signal` aborts; answers what came. */
export async function readStream(
  url: string,
  {
    after,
    enough,
    signal,
    seen = [],
  }: { after?: string; enough?: (all: Sent[]) => boolean; signal?: AbortSignal; seen?: Sent[] } = {},
): Promise<{ status: number; events: Sent[]; ended: boolean }> {
  const stop = new AbortController();
  signal?.addEventListener("abort", () => stop.abort());
  const answer = await fetch(url, {
    headers: { accept: "text/event-stream", ...(after === undefined ? {} : { "last-event-id": after }) },
    signal: stop.signal,
  });
  if (answer.status !== 200 || !answer.body) return { status: answer.status, events: seen, ended: true };
  let text = "";
  try {
    for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
        const [id, data] = [field("id"), field("data")];
        if (id !== undefined && data !== undefined)
          seen.push({ id, type: field("event") ?? "message", data: (JSON.parse(data) as { data: unknown }).data });
      }
      if (enough?.(seen) === true) {
        stop.abort();
        return { status: 200, events: seen, ended: false };
      }
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  return { status: 200, events: seen, ended: !stop.signal.aborted };
}
