/**
 * The telemetry of an api of several processes, as if it were one: counters and histograms are added up, those of ended
 * processes included, so that they never go down; gauges as their own aggregator says. What Redis says is not here:
 * whoever is asked for telemetry adds it once.
 */
import { AggregatorRegistry, Counter, Gauge, Registry, collectDefaultMetrics } from "prom-client";
import type { Counts } from "./messages.ts";

/** Of the first process: it is a part of the api's time and memory, but its idle event loop says nothing of others'. */
const ofTheFirst = /^(process_|api_)/;

const summed = (...all: Counts[]): Registry => AggregatorRegistry.aggregate(all);

export class Tally {
  readonly #own = new Registry();
  readonly #restarts: Counter;
  /** Of processes that have ended. */
  #ended: Counts = [];

  constructor(processes: () => number) {
    collectDefaultMetrics({ register: this.#own });
    const registers = [this.#own];
    new Gauge({
      name: "api_processes",
      help: "Processes of this api that answer",
      registers,
      collect() {
        this.set(processes());
      },
    });
    this.#restarts = new Counter({
      name: "api_process_restarts_total",
      help: "Processes of this api that died and were started again",
      registers,
    });
  }

  restarted(): void {
    this.#restarts.inc();
  }

  /** What a process that has ended had counted stays. */
  async keep(counts: Counts): Promise<void> {
    const lasting = counts.filter(({ type }) => ["counter", "histogram"].includes(String(type)));
    this.#ended = await summed(this.#ended, lasting).getMetricsAsJSON();
  }

  /** The text of all, `living` being what the processes there are have counted. */
  async text(living: readonly Counts[]): Promise<string> {
    const own = (await this.#own.getMetricsAsJSON()).filter(({ name }) => ofTheFirst.test(name));
    // The api is as old as its first process.
    for (const each of own) if (each.name === "process_start_time_seconds") each.aggregator = "first";
    return summed(own, this.#ended, ...living).metrics();
  }
}
