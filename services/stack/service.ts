/** A process of the stack: started, started again where it dies, ended in good order. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Logger } from "../shared/log.ts";
import { Restarts } from "../shared/restarts.ts";
import { isHopeless } from "../shared/start.ts";

export interface ServiceOptions {
  name: string;
  entry: URL;
  nodeArguments?: readonly string[];
  environment: () => Record<string, string | undefined>;
  log: Logger;
  /** Each line on its stdout. */
  onLine?: (line: string) => void;
  /** It ended before it had run for a moment, or with a code that says so: starting again would not help. */
  onUseless: (name: string, code: number | null) => void;
}

export class Service {
  readonly #options: ServiceOptions;
  #child: ChildProcess | null = null;
  #ending = false;
  #timer: NodeJS.Timeout | null = null;
  readonly #restarts = new Restarts();

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  start(): void {
    const { name, entry, nodeArguments = [], environment, log, onLine, onUseless } = this.#options;
    const startedAt = performance.now();
    // A group of its own: Ctrl-C reaches the stack alone, which then ends the others in order.
    const child = fork(entry, [], {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit", "ipc"],
      detached: true,
      execArgv: [...nodeArguments],
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
      if (isHopeless(code) || this.#restarts.isUseless({ ranMs, signal })) {
        onUseless(name, code);
        return;
      }
      log.warn({ code, signal }, `${name} ended by itself; it is started again`);
      this.#timer = setTimeout(() => this.start(), this.#restarts.pauseAfter(ranMs));
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
