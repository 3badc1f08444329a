/**
 * The first process of an api of several: starts the members that share its port, starts again what dies, ends all in
 * order, and keeps what can only be kept once: room on disks that members hold, and telemetry. It answers no request.
 */
import cluster, { type Worker as Child } from "node:cluster";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { apiNodeArguments } from "../../shared/api-heap.ts";
import { built } from "../../shared/built.ts";
import type { Config } from "../../shared/config.ts";
import type { Logger } from "../../shared/log.ts";
import { Restarts } from "../../shared/restarts.ts";
import { isHopeless } from "../../shared/start.ts";
import { NoSpace, holdSpace, type Hold } from "../../shared/storage/index.ts";
import type { Counts, Said, Told } from "./messages.ts";
import { Tally } from "./tally.ts";

/** What a member killed without a word may have counted since it was last asked is lost. */
const countEveryMs = 1000;
/** A scrape waits no longer for a busy member, and takes what it said last. */
const countWithinMs = 2000;
/** A member that gives no sign for so long hangs: it is killed, and another takes its place. */
const mostSilentMs = 60_000;

interface Member {
  child: Child;
  startedAt: number;
  isListening: boolean;
  lastSignAt: number;
  counts: Counts;
  /** Who waits for its counts, by the number of the question. */
  asked: Map<number, () => void>;
  holds: Map<number, Hold>;
  restarts: Restarts;
}

export interface FirstOptions {
  config: Config;
  log: Logger;
  /** Once, when all members answer. */
  onListening: (port: number) => void;
  /** A member that can never run: the whole api cannot. */
  onUseless: (code: number) => void;
}

/** Where any port will do: one that is free, and the same for members that come later. 0: the host is not ours. */
const freePort = (host: string): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(0));
    server.listen(0, host, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

export class FirstProcess {
  readonly #options: FirstOptions;
  readonly #members = new Set<Member>();
  readonly #tally = new Tally(() => this.#listening);
  readonly #timers = new Set<NodeJS.Timeout>();
  #port = 0;
  #asked = 0;
  #wasReady = false;
  #ending = false;

  constructor(options: FirstOptions) {
    this.#options = options;
    // Members take connections by themselves: one that was handed to a process that just died would be held by nobody.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: fileURLToPath(built("services/api/main.js")), args: [], execArgv: apiNodeArguments });
    this.#timers.add(setInterval(() => this.#look(), countEveryMs));
  }

  /** The first member alone: where it cannot start, it says why once. The others follow when it answers. */
  async start(): Promise<void> {
    const { port, host } = this.#options.config;
    this.#port = port === 0 ? await freePort(host) : port;
    if (!this.#ending) this.#fork(new Restarts());
  }

  /** Ends all members, those that take too long by force. */
  async stop(allowedMs: number): Promise<void> {
    this.#ending = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(
      [...this.#members].map(async (member) => {
        const { child } = member;
        const ended = new Promise((resolve) => child.once("exit", resolve));
        this.#tell(member, { kind: "end" });
        const kill = setTimeout(() => child.process.kill("SIGKILL"), allowedMs);
        await ended;
        clearTimeout(kill);
      }),
    );
  }

  get #listening(): number {
    return [...this.#members].filter(({ isListening }) => isListening).length;
  }

  #fork(restarts: Restarts): void {
    const now = performance.now();
    const child = cluster.fork({ PORT: String(this.#port) });
    const member: Member = {
      child,
      startedAt: now,
      isListening: false,
      lastSignAt: now,
      counts: [],
      asked: new Map(),
      holds: new Map(),
      restarts,
    };
    this.#members.add(member);
    child.on("message", (said: Said) => this.#hear(member, said));
    child.once("listening", ({ port }) => this.#ready(member, port));
    child.on("error", (error) => this.#options.log.warn({ err: error }, "a process of the api could not be reached"));
    child.once("exit", (code, signal) => this.#lose(member, { code, signal }));
  }

  #ready(member: Member, port: number): void {
    member.isListening = true;
    const { config, onListening } = this.#options;
    if (this.#wasReady) return;
    while (!this.#ending && this.#members.size < config.apiProcesses) this.#fork(new Restarts());
    if (this.#listening < config.apiProcesses) return;
    this.#wasReady = true;
    onListening(port);
  }

  #lose(member: Member, { code, signal }: { code: number | null; signal: string | null }): void {
    this.#members.delete(member);
    for (const hold of member.holds.values()) hold.release();
    for (const answered of member.asked.values()) answered();
    void this.#tally.keep(member.counts);
    if (this.#ending) return;
    const { log, onUseless } = this.#options;
    const ranMs = performance.now() - member.startedAt;
    if (isHopeless(code) || (!this.#wasReady && member.restarts.isUseless({ ranMs, signal }))) {
      this.#ending = true;
      return onUseless(code ?? 1);
    }
    log.warn({ member: member.child.process.pid, code, signal }, "a process of the api ended; another is started");
    this.#tally.restarted();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#fork(member.restarts);
    }, member.restarts.pauseAfter(ranMs));
    this.#timers.add(timer);
  }

  #tell({ child }: Member, told: Told): void {
    // One that is gone by now is heard of by its exit.
    if (child.isConnected()) child.send(told, () => undefined);
  }

  #hear(member: Member, said: Said): void {
    member.lastSignAt = performance.now();
    switch (said.kind) {
      case "hold":
        return void this.#hold(member, said);
      case "shrink":
        return member.holds.get(said.id)?.shrink(said.bytes);
      case "release":
        member.holds.get(said.id)?.release();
        return void member.holds.delete(said.id);
      case "counts":
        member.counts = said.counts;
        return member.asked.get(said.id)?.();
      case "leaving":
        member.counts = said.counts;
        return;
      case "gather":
        return void this.#gather().then((text) => this.#tell(member, { kind: "gathered", id: said.id, text }));
    }
  }

  async #hold(member: Member, { id, kind: _kind, ...asked }: Extract<Said, { kind: "hold" }>): Promise<void> {
    try {
      const hold = await holdSpace(asked);
      if (this.#members.has(member)) member.holds.set(id, hold);
      else hold.release();
      this.#tell(member, { kind: "held", id, outcome: "held" });
    } catch (error) {
      const outcome = error instanceof NoSpace ? { freeBytes: error.freeBytes } : { fault: String(error) };
      this.#tell(member, { kind: "held", id, outcome });
    }
  }

  /** Settles when the member has said what it counted, has ended, or takes too long. */
  #count(member: Member): Promise<void> {
    const id = ++this.#asked;
    return new Promise((resolve) => {
      const answered = (): void => {
        clearTimeout(patience);
        member.asked.delete(id);
        resolve();
      };
      const patience = setTimeout(answered, countWithinMs);
      member.asked.set(id, answered);
      this.#tell(member, { kind: "count", id });
    });
  }

  async #gather(): Promise<string> {
    await Promise.all([...this.#members].map((member) => this.#count(member)));
    return this.#tally.text([...this.#members].map(({ counts }) => counts));
  }

  #look(): void {
    for (const member of this.#members) {
      if (!member.isListening) continue;
      if (performance.now() - member.lastSignAt > mostSilentMs) {
        this.#options.log.error({ member: member.child.process.pid }, "a process of the api hangs; it is ended");
        member.child.process.kill("SIGKILL");
      } else if (member.asked.size === 0) void this.#count(member);
    }
  }
}
