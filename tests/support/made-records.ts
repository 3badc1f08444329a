/** Records of jobs and models that nobody trained. */
import { withPreset } from "../../schemas/complete.ts";
import { completeJobRequest } from "../../schemas/job.ts";
import { newId } from "../../services/shared/ids.ts";
import type { Records } from "../../services/shared/records/index.ts";
import { strokesJob } from "./strokes.ts";

interface Made {
  name: string;
  /** The id of a dataset whose record stands. */
  dataset: string;
  metadata?: Record<string, string>;
  initialModelId?: string;
  priority?: number;
  /** Of the memory of its training. */
  bytes?: number;
}

const revision = "a".repeat(64);
const requestOf = ({ name, metadata = {}, priority = 0 }: Made) =>
  completeJobRequest.parse({ ...(withPreset(strokesJob) as object), loss: "cross-entropy", name, metadata, priority });

const sizeOf = ({ bytes }: Made): { bytes?: number } => (bytes === undefined ? {} : { bytes });

/** Answers the id of a job, queued. */
export async function makeJob(records: Records, of: Made): Promise<string> {
  const id = newId("job");
  const { name, metadata = {}, initialModelId = null } = of;
  const dataset = { id: of.dataset, revision };
  await records.jobs.create({ id, name, dataset, request: requestOf(of), metadata, initialModelId, ...sizeOf(of) });
  return id;
}

/** Answers the id of a model of no job. */
export async function makeModel(records: Records, of: Made): Promise<string> {
  const id = newId("model");
  const record = {
    id,
    object: "model" as const,
    name: of.name,
    alias: null,
    job: null,
    dataset: { id: of.dataset, revision },
    checkpoint: null,
    network: requestOf(of).network,
    input: { channels: 1, height: 7, width: 5 },
    classes: ["bar", "dash", "dot"],
    normalisation: { kind: "none" as const, mean: [0], std: [1] },
    parameters: 183,
    bytes: 732,
    sha256: "b".repeat(64),
    evaluation: null,
    createdAt: new Date().toISOString(),
    metadata: of.metadata ?? {},
    files: { manifest: `models/${id}/manifest-0.json`, weights: `models/${id}/weights`, predictions: {} },
  };
  await records.models.create(record, { needs: of.dataset });
  return id;
}
