/** Requests of one client over a connection of its own that stays open, as a program would keep it. */
import { Agent, request, type IncomingMessage } from "node:http";

export interface Answered {
  status: number;
  /** Parsed where it is JSON. */
  // What a route answers is for the load to know.
  // eslint-disable-next-line typescript/no-explicit-any
  body: any;
  milliseconds: number;
}

export interface Asking {
  method?: string;
  headers?: Record<string, string>;
  body?: Buffer | string | undefined;
}

/** The head of the answer; its body is still to come. */
function headOf(agent: Agent, url: string, { method, headers = {}, body }: Asking): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method: method ?? (body === undefined ? "GET" : "POST"), headers }, resolve);
    sent.once("error", reject);
    sent.end(body);
  });
}

export class Connection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #base: string;
  constructor(base: string) {
    this.#base = base;
  }

  async ask(path: string, asking: Asking = {}): Promise<Answered> {
    const began = performance.now();
    const head = await headOf(this.#agent, `${this.#base}${path}`, asking);
    const pieces: Buffer[] = [];
    for await (const piece of head) pieces.push(piece as Buffer);
    const text = Buffer.concat(pieces).toString("utf8");
    const isJson = (head.headers["content-type"] ?? "").includes("json") && text !== "";
    const body: unknown = isJson ? JSON.parse(text) : text;
    return { status: head.statusCode ?? 0, body, milliseconds: performance.now() - began };
  }

  json(path: string, body: object, headers: Record<string, string> = {}): Promise<Answered> {
    return this.ask(path, { headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  }

  /** The lines of an event stream, as they come. */
  async *events(path: string, signal: AbortSignal): AsyncGenerator<{ status: number; line: string }> {
    const head = await headOf(this.#agent, `${this.#base}${path}`, { headers: { accept: "text/event-stream" } });
    const stop = (): void => void head.destroy();
    signal.addEventListener("abort", stop);
    try {
      const status = head.statusCode ?? 0;
      yield { status, line: "" };
      let rest = "";
      for await (const piece of head) {
        const lines = (rest + (piece as Buffer).toString("utf8")).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) yield { status, line };
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}
