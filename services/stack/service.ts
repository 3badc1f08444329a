/** A process of the stack: started, started again where it dies, ended in good order. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Logger } from "../shared/log.ts";
import { isHopeless } from "../shared/start.ts";

export interface ServiceOptions {
  name: string;
  entry: URL;
  environment: () => Record<string, string | undefined>;
  log: Logger;
  /** Each line on its stdout. */
  onLine?: (line: string) => void;
  /** It ended before it had run for a moment, or with a code that says so: starting again would not help. */
  onUseless: (name: string, code: number | null) => void;
}

/** A process that dies sooner than this was never of use. */
const leastMs = 3000;
/** The pause before it is started again: longer each time for one that never runs for long. */
const restartMs = 500;
const mostRestartMs = 15_000;
const steadyMs = 20_000;

export class Service {
  readonly #options: ServiceOptions;
  #child: ChildProcess | null = null;
  #ending = false;
  #timer: NodeJS.Timeout | null = null;
  #restarts = 0;
  /** How often in a row it ended soon. */
  #hasty = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  start(): void {
    const { name, entry, environment, log, onLine, onUseless } = this.#options;
    const startedAt = performance.now();
    // A group of its own: Ctrl-C reaches the stack alone, which then ends the others in order.
    const child = fork(entry, [], {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit", "ipc"],
      detached: true,
      execArgv: [],
    });
    this.#child = child;
    let rest = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine?.(line);
    });
    child.once("error", (error) => log.error({ err: error }, `${name} could not be started`));
    child.once("exit", (code, signal) => {
      this.#child = null;
      if (this.#ending) return;
      const ranMs = performance.now() - startedAt;
      if (isHopeless(code) || (this.#restarts === 0 && ranMs < leastMs && signal === null)) {
        onUseless(name, code);
        return;
      }
      log.warn({ code, signal }, `${name} ended by itself; it is started again`);
      this.#restarts++;
      this.#hasty = ranMs < steadyMs ? this.#hasty + 1 : 0;
      this.#timer = setTimeout(() => this.start(), Math.min(restartMs * 2 ** this.#hasty, mostRestartMs));
    });
  }

  /** SIGTERM, and SIGKILL where that takes longer than allowed. */
  async stop(allowedMs: number): Promise<void> {
    this.#ending = true;
    if (this.#timer) clearTimeout(this.#timer);
    const child = this.#child;
    if (!child) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), allowedMs);
    await ended;
    clearTimeout(kill);
  }
}
