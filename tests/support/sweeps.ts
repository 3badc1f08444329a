/** Sweeps of a tiny network over the dataset `tiny`, and what became of them. */
import type { Sweep } from "../../schemas/sweep.ts";
import type { Trial } from "../../schemas/trial.ts";
import { until, type Ask, type Answer } from "./stack.ts";

interface Asking {
  ask: (path: string, how?: Ask) => Promise<Answer>;
}

/** Some milliseconds an epoch; `base` is put over the fields of its own. */
export const sweepOf = ({ base = {}, ...fields }: { base?: object; [field: string]: unknown }): object => ({
  base: {
    dataset: "tiny",
    network: {
      layers: [
        { kind: "convolution", maps: 4, size: 3, activation: "tanh" },
        { kind: "dense", units: 3, activation: "softmax" },
      ],
    },
    optimiser: { kind: "adam", learningRate: 0.001 },
    batchSize: 20,
    epochs: 2,
    threads: 1,
    ...base,
  },
  space: { "/optimiser/learningRate": { log: [0.0003, 0.1] } },
  ...fields,
});

export const endedSweep = async ({ ask }: Asking, id: string): Promise<Sweep & { best: NonNullable<Sweep["best"]> }> =>
  (
    await until(
      () => ask(`/v1/sweeps/${id}`),
      ({ body }) => body.terminal === true,
      `the end of ${id}`,
    )
  ).body;

export const trialsOf = async ({ ask }: Asking, id: string, query = "?limit=1000"): Promise<Trial[]> =>
  (await ask(`/v1/sweeps/${id}/trials${query}`)).body.data;

/**
 * Uploads 60 rows of 7×5 pixels of three classes, with an alias; `fault` stands where a pixel should. Answers the
 * dataset, which a worker is still to check.
 */
export async function uploadTable({ ask }: Asking, alias: string, fault = "0"): Promise<{ id: string }> {
  const rows = Array.from({ length: 60 }, (_, at) =>
    [
      at % 3,
      ...Array.from({ length: 35 }, (__, pixel) => (pixel % 3 === at % 3 ? 200 + (at % 7) : (at * pixel) % 50)),
    ].join(),
  );
  const form = new FormData();
  form.append("alias", alias);
  form.append("size", '{"height":7,"width":5}');
  const last = ["0", fault, ...Array.from({ length: 34 }, () => "1")].join();
  form.append("file", new Blob([[...rows, last].join("\n")]), `${alias}.csv`);
  const { status, body } = await ask("/v1/datasets", { method: "POST", body: form });
  if (status !== 202) throw new Error(`an upload was not taken: ${status} ${JSON.stringify(body)}`);
  return body;
}
