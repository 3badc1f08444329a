/**
 * How many calls go out at once, by host: a server that answers late, or never, holds up its own calls and those of
 * nobody else. A few at once for each host; and hosts that are not known to answer quickly share half of all places.
 */

/** Answered sooner than this, a host is known to be quick. */
const quickMs = 2000;
/** How long a call that found no place waits: longer the more of its host do. */
const leastWaitMs = 250;
const waitStepMs = 50;
const mostWaitMs = 30_000;
/** Hosts remembered; the longest unused are forgotten. */
const mostHosts = 10_000;

interface Host {
  active: number;
  quick: boolean;
  /** Calls that found no place since one did. */
  waiting: number;
}

export type Place = { kind: "free"; leave: (tookMs: number) => void } | { kind: "taken"; waitMs: number };

export class HostLimits {
  readonly #perHost: number;
  readonly #unproven: number;
  /** In order of last use. */
  readonly #hosts = new Map<string, Host>();
  #unprovenActive = 0;

  constructor({ perHost, unproven }: { perHost: number; unproven: number }) {
    this.#perHost = perHost;
    this.#unproven = unproven;
  }

  enter(name: string): Place {
    const host = this.#hosts.get(name) ?? { active: 0, quick: false, waiting: 0 };
    this.#hosts.delete(name);
    this.#hosts.set(name, host);
    this.#forget();
    const { quick } = host;
    if (host.active >= this.#perHost || (!quick && this.#unprovenActive >= this.#unproven)) {
      host.waiting += 1;
      const spread = Math.min(mostWaitMs, waitStepMs * host.waiting);
      return { kind: "taken", waitMs: Math.round(leastWaitMs + Math.random() * spread) };
    }
    host.active += 1;
    host.waiting = Math.max(0, host.waiting - 1);
    if (!quick) this.#unprovenActive += 1;
    return {
      kind: "free",
      leave: (tookMs) => {
        host.active -= 1;
        if (!quick) this.#unprovenActive -= 1;
        host.quick = tookMs < quickMs;
      },
    };
  }

  #forget(): void {
    for (const [name, host] of this.#hosts) {
      if (this.#hosts.size <= mostHosts) return;
      if (host.active === 0) this.#hosts.delete(name);
    }
  }
}
