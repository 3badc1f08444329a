/**
 * Hosts of a network of their own on this machine: Linux's network namespaces, each with one cable to a switch that the
 * test's own process is on too. Needs root and `ip` (iproute2).
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";

const ip = (...words: string[]): void => void execFileSync("ip", words, { stdio: "pipe" });

/** Why there can be no such network here; null: there can. */
export function refusesNetworks(): string | null {
  const name = `maps-${randomBytes(3).toString("hex")}`;
  try {
    ip("netns", "add", name);
    ip("netns", "del", name);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.split("\n").slice(0, 2).join(" ") : String(error);
  }
}

export interface Host {
  address: string;
  /** Starts a command on it. */
  run(command: string, words: readonly string[], environment?: Record<string, string>): ChildProcess;
  /** Pulls its cable out: nothing is said to anybody, packets are lost. */
  cutOff(): void;
  heal(): void;
}

export class Network {
  readonly #id = randomBytes(2).toString("hex");
  readonly #subnet = `10.${100 + (randomBytes(1)[0] % 100)}.${randomBytes(1)[0]}`;
  readonly #children: ChildProcess[] = [];
  readonly #names: string[] = [];

  constructor() {
    ip("link", "add", "name", this.#switch, "type", "bridge");
    ip("address", "add", `${this.#subnet}.254/24`, "dev", this.#switch);
    ip("link", "set", this.#switch, "up");
  }

  get #switch(): string {
    return `sw-${this.#id}`;
  }

  addHost(): Host {
    const number = this.#names.length + 1;
    const [name, cable, far] = [`maps-${this.#id}-${number}`, `c${number}-${this.#id}`, `f${number}-${this.#id}`];
    const address = `${this.#subnet}.${number}`;
    ip("netns", "add", name);
    this.#names.push(name);
    ip("link", "add", cable, "type", "veth", "peer", "name", far, "netns", name);
    ip("link", "set", cable, "master", this.#switch, "up");
    ip("-n", name, "address", "add", `${address}/24`, "dev", far);
    ip("-n", name, "link", "set", far, "up");
    ip("-n", name, "link", "set", "lo", "up");
    return {
      address,
      run: (command, words, environment = {}) => {
        const child = spawn("ip", ["netns", "exec", name, command, ...words], {
          env: { ...process.env, ...environment },
          stdio: ["ignore", "pipe", "ignore"],
        });
        this.#children.push(child);
        return child;
      },
      cutOff: () => ip("link", "set", cable, "down"),
      heal: () => ip("link", "set", cable, "up"),
    };
  }

  /** Ends what runs on its hosts, and takes it all down. */
  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    }
    // A host takes its cable along.
    for (const name of this.#names) ip("netns", "del", name);
    ip("link", "del", this.#switch);
  }
}
