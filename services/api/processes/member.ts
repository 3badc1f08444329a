/** A member: one of several processes of an api, and its ways to the first one. */
import cluster from "node:cluster";
import { NoSpace, holdElsewhere, type Hold, type SpaceAsked } from "../../shared/storage/index.ts";
import type { Counts, Said, Told } from "./messages.ts";

/** What a terminal sends to all its processes at once: the first one hears it too, and tells its members. */
const ofTerminals = ["SIGHUP", "SIGINT", "SIGQUIT"] as const;
/** Signals that a member takes care of by itself. */
export const memberSignals = [...ofTerminals, "SIGTERM"] as const;
/** The first process is told of what has reached the disk in steps, not with every piece of an upload. */
const shrinkStepBytes = 8 * 1024 * 1024;

/** What telemetry needs of the other processes of its api. */
export interface Siblings {
  /** Says how this process is asked for its counts. */
  countWith(counts: () => Promise<Counts>): void;
  /** The counts of all processes as text, those of ended ones included. */
  gathered(): Promise<string>;
  /** Leaves the last counts behind. */
  leave(): Promise<void>;
}

export class Member implements Siblings {
  readonly #waiting = new Map<number, (told: Told) => void>();
  #counts: () => Promise<Counts> = async () => [];
  #asked = 0;
  #end: (() => void) | null = null;
  /** It was to end before it knew how. */
  #endsEarly = false;

  constructor() {
    process.on("message", (told: Told) => this.#hear(told));
    for (const signal of ofTerminals) process.on(signal, () => undefined);
    process.on("SIGTERM", () => this.#endNow());
    holdElsewhere((asked) => this.#hold(asked));
  }

  /** `end` is called once: where the first process says so, or somebody ends this one alone. */
  endWith(end: () => void): void {
    this.#end = end;
    if (this.#endsEarly) this.#endNow();
  }

  countWith(counts: () => Promise<Counts>): void {
    this.#counts = counts;
  }

  async gathered(): Promise<string> {
    const told = await this.#ask((id) => ({ kind: "gather", id }));
    return told.kind === "gathered" ? told.text : "";
  }

  async leave(): Promise<void> {
    await this.#say({ kind: "leaving", counts: await this.#counts() });
  }

  #endNow(): void {
    const end = this.#end;
    this.#endsEarly = end === null;
    this.#end = () => undefined;
    end?.();
  }

  #hear(told: Told): void {
    if (told.kind === "end") this.#endNow();
    else if (told.kind === "count")
      void this.#counts().then((counts) => this.#say({ kind: "counts", id: told.id, counts }));
    else {
      const answered = this.#waiting.get(told.id);
      this.#waiting.delete(told.id);
      answered?.(told);
    }
  }

  /** Settles when it is sent, whatever becomes of it: without the first process this one ends anyway. */
  #say(said: Said): Promise<void> {
    return new Promise((resolve) => {
      if (process.connected && process.send) process.send(said, undefined, undefined, () => resolve());
      else resolve();
    });
  }

  #ask(said: (id: number) => Said): Promise<Told> {
    const id = ++this.#asked;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      void this.#say(said(id));
    });
  }

  async #hold(asked: SpaceAsked): Promise<Hold> {
    let hold = 0;
    const told = await this.#ask((id) => ({ kind: "hold", id: (hold = id), ...asked }));
    const outcome = told.kind === "held" ? told.outcome : { fault: "the first process of the api gave no answer" };
    if (outcome !== "held")
      throw "freeBytes" in outcome ? new NoSpace({ ...asked, ...outcome }) : new Error(outcome.fault);
    let gone = 0;
    return {
      shrink: (bytes) => {
        gone += bytes;
        if (gone < shrinkStepBytes) return;
        void this.#say({ kind: "shrink", id: hold, bytes: gone });
        gone = 0;
      },
      release: () => void this.#say({ kind: "release", id: hold }),
    };
  }
}

/** This process as a member; null where the api has one process alone. */
export const asMember = (): Member | null => (cluster.isWorker ? new Member() : null);
