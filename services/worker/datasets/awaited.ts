/** A dataset that a job or a sweep was accepted on while it was still being made. */
import type { Failure } from "../../../schemas/failure.ts";
import { isReady, type ReadyDataset } from "../../shared/find.ts";
import type { DatasetRecord, Records } from "../../shared/records/index.ts";

/** How often somebody looks whether the dataset that is waited for is ready. */
export const waitingMs = 500;

/** `waits`: it is still being made. `failed`: nothing will ever be trained on it. */
export type Awaited =
  | { kind: "ready"; dataset: ReadyDataset }
  | { kind: "waits" }
  | ({ kind: "failed" } & Pick<Failure, "code" | "detail">);

const toldProblems = 3;

function rejection({ problems }: DatasetRecord): string {
  const told = problems.slice(0, toldProblems).map(({ file, row, detail }) => {
    const place = [file, row === null ? null : `row ${row}`].filter((part) => part !== null).join(", ");
    return place === "" ? detail : `${place}: ${detail}`;
  });
  const more = problems.length > told.length ? `; and ${problems.length - told.length} more` : "";
  return `its dataset was rejected: ${told.join("; ")}${more}`;
}

export async function awaitedDataset({ datasets }: Pick<Records, "datasets">, id: string): Promise<Awaited> {
  const dataset = await datasets.read(id);
  if (!dataset) return { kind: "failed", code: "dataset-missing", detail: `the dataset ${id} is not there any more` };
  if (!dataset.terminal) return { kind: "waits" };
  if (!isReady(dataset)) return { kind: "failed", code: "dataset-rejected", detail: rejection(dataset) };
  return { kind: "ready", dataset };
}
