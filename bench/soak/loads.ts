/** What is asked of the service during a soak, all at once, and what is kept to be compared at the end. */
import { setMaxListeners } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Connection } from "./http.ts";
import { jobOn, sample, uploadOf } from "./strokes.ts";

export interface Settings {
  url: string;
  /** Clients that poll, and as many streams. */
  clients: number;
  /** Of the soak, in milliseconds of performance.now(). */
  until: number;
  dataset: string;
  model: string;
  submissionsPerSecond: number;
  uploadsPerSecond: number;
  predictionsPerSecond: number;
}

export type Kind = "submissions" | "polls" | "streams" | "predictions" | "uploads";
export const kinds: readonly Kind[] = ["submissions", "polls", "streams", "predictions", "uploads"];

export class Ledger {
  readonly jobs: string[] = [];
  readonly datasets: string[] = [];
  readonly statuses = new Map<Kind, Map<string, number>>(kinds.map((kind) => [kind, new Map()]));
  readonly milliseconds = new Map<Kind, number[]>(kinds.map((kind) => [kind, []]));
  /** Events of streams, and those whose number did not follow the one before. */
  events = 0;
  gaps = 0;

  count(kind: Kind, status: string): void {
    const counts = this.statuses.get(kind);
    counts?.set(status, (counts.get(status) ?? 0) + 1);
  }

  took(kind: Kind, milliseconds: number): void {
    this.milliseconds.get(kind)?.push(milliseconds);
  }
}

const problemOf = (status: number, code: unknown): string =>
  status < 400 ? String(status) : `${status} ${typeof code === "string" ? code : ""}`.trim();

const pollEveryMs = 10_000;

export class Loads {
  readonly #settings: Settings;
  readonly #ledger: Ledger;
  readonly #ending = new AbortController();

  constructor(settings: Settings, ledger: Ledger) {
    this.#settings = settings;
    this.#ledger = ledger;
  }

  #isOver(): boolean {
    return performance.now() >= this.#settings.until;
  }

  async #ask(kind: Kind, asking: (connection: Connection) => ReturnType<Connection["ask"]>, connection: Connection) {
    try {
      const answer = await asking(connection);
      this.#ledger.count(kind, problemOf(answer.status, answer.body?.code));
      if (answer.status < 300) this.#ledger.took(kind, answer.milliseconds);
      return answer;
    } catch (error) {
      this.#ledger.count(kind, error instanceof Error && "code" in error ? String(error.code) : String(error));
      return null;
    }
  }

  /** At this rate, whatever the answers take: what is late is sent all the same. */
  async #atRate(perSecond: number, send: (number: number, connection: Connection) => Promise<void>): Promise<void> {
    const free: Connection[] = [];
    const underWay = new Set<Promise<void>>();
    const began = performance.now();
    for (let number = 0; !this.#isOver(); number++) {
      const connection = free.pop() ?? new Connection(this.#settings.url);
      const sent = send(number, connection).finally(() => {
        free.push(connection);
        underWay.delete(sent);
      });
      underWay.add(sent);
      await pause(Math.max(0, began + ((number + 1) * 1000) / perSecond - performance.now()));
    }
    await Promise.all(underWay);
    for (const each of free) each.close();
  }

  #submit(): Promise<void> {
    const { submissionsPerSecond, dataset } = this.#settings;
    return this.#atRate(submissionsPerSecond, async (number, connection) => {
      const post = (): ReturnType<Connection["ask"]> =>
        connection.json("/v1/jobs", jobOn(dataset, number), { "idempotency-key": `soak-${number}` });
      const answer = await this.#ask("submissions", post, connection);
      if (answer?.status === 202) this.#ledger.jobs.push(answer.body.id);
    });
  }

  #upload(): Promise<void> {
    return this.#atRate(this.#settings.uploadsPerSecond, async (number, connection) => {
      const { body, contentType } = uploadOf(number, 300);
      const send = (): ReturnType<Connection["ask"]> =>
        connection.ask("/v1/datasets", { headers: { "content-type": contentType }, body });
      const answer = await this.#ask("uploads", send, connection);
      if (answer?.status === 202) this.#ledger.datasets.push(answer.body.id);
    });
  }

  #predict(): Promise<void> {
    const { predictionsPerSecond, model } = this.#settings;
    return this.#atRate(predictionsPerSecond, async (number, connection) => {
      const post = (): ReturnType<Connection["ask"]> =>
        connection.json(`/v1/models/${model}/predictions`, sample(number));
      await this.#ask("predictions", post, connection);
    });
  }

  /** One of the newest jobs: another for each client. */
  #jobFor(client: number): string | undefined {
    const { jobs } = this.#ledger;
    return jobs[Math.max(0, jobs.length - 1 - (client % 50))];
  }

  async #poll(client: number): Promise<void> {
    const connection = new Connection(this.#settings.url);
    await pause((client * pollEveryMs) / this.#settings.clients, undefined, { signal: this.#ending.signal }).catch(
      () => undefined,
    );
    while (!this.#isOver()) {
      const job = this.#jobFor(client);
      const get = (): ReturnType<Connection["ask"]> => connection.ask(`/v1/jobs/${job}/progress`);
      if (job !== undefined) await this.#ask("polls", get, connection);
      await pause(pollEveryMs, undefined, { signal: this.#ending.signal }).catch(() => undefined);
    }
    connection.close();
  }

  /** Reads the events of a job to its end, then those of another. */
  async #stream(client: number): Promise<void> {
    const connection = new Connection(this.#settings.url);
    const { signal } = this.#ending;
    await pause((client * 5000) / this.#settings.clients, undefined, { signal }).catch(() => undefined);
    while (!this.#isOver()) {
      const job = this.#jobFor(client);
      if (job === undefined) {
        await pause(500);
        continue;
      }
      let [last, status] = [0, 0];
      try {
        for await (const { status: answered, line } of connection.events(`/v1/jobs/${job}/events`, signal)) {
          status = answered;
          const id = /^id: (\d+)/.exec(line)?.[1];
          if (id === undefined) continue;
          this.#ledger.events++;
          if (Number(id) !== last + 1) this.#ledger.gaps++;
          last = Number(id);
        }
        this.#ledger.count("streams", String(status));
      } catch (error) {
        if (!signal.aborted)
          this.#ledger.count("streams", error instanceof Error && "code" in error ? String(error.code) : String(error));
        else this.#ledger.count("streams", String(status));
      }
      await pause(1000, undefined, { signal }).catch(() => undefined);
    }
    connection.close();
  }

  /** Settles when the time is over and every answer is there. */
  async run(): Promise<void> {
    const { clients, until } = this.#settings;
    setMaxListeners(0, this.#ending.signal);
    const each = Array.from({ length: clients }, (_, client) => client);
    const timer = setTimeout(() => this.#ending.abort(), until - performance.now());
    await Promise.all([
      this.#submit(),
      this.#upload(),
      this.#predict(),
      ...each.map((client) => this.#poll(client)),
      ...each.map((client) => this.#stream(client)),
    ]);
    clearTimeout(timer);
  }
}
