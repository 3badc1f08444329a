/** Names of the objects in storage. docs/PROTOCOLS.md shows the tree. */
import type { Split } from "../../../schemas/dataset.ts";

export const layout = {
  datasets: "datasets/",
  dataset: (id: string) => `datasets/${id}/`,
  datasetManifest: (id: string) => `datasets/${id}/manifest.json`,
  /**
   * Samples and labels, named by their digest: datasets of the same bytes share them. Collected by `npm run gc` when no
   * manifest names them.
   */
  blobs: "blobs/",
  blob: (sha256: string) => `blobs/${sha256}.bin`,
  /** Files as they arrived, until they are checked. */
  uploads: "uploads/",
  upload: (id: string) => `uploads/${id}/`,
  projects: "projects/",
  projectManifest: (id: string) => `projects/${id}/manifest.json`,
  keys: "keys/",
  /** The record of a key, with its hash. */
  keyManifest: (id: string) => `keys/${id}/manifest.json`,
  jobs: "jobs/",
  job: (id: string) => `jobs/${id}/`,
  /** The record of a job that ended, with its curves and events. */
  jobManifest: (id: string) => `jobs/${id}/manifest.json`,
  checkpoints: (id: string) => `jobs/${id}/checkpoints/`,
  /** The attempt stands in the name, so that two attempts never write the same object. */
  checkpoint: (id: string, at: { step: number; attempt: number; sha256: string }) =>
    `jobs/${id}/checkpoints/${at.step}-${at.attempt}-${at.sha256.slice(0, 16)}.safetensors`,
  sweeps: "sweeps/",
  sweep: (id: string) => `sweeps/${id}/`,
  /** The record of a sweep that ended, with its trials and events. */
  sweepManifest: (id: string) => `sweeps/${id}/manifest.json`,
  models: "models/",
  model: (id: string) => `models/${id}/`,
  /** The attempt that wrote it stands in the name (0: an import); the highest is the valid one. The record names it. */
  modelManifest: (id: string, attempt: number) => `models/${id}/manifest-${attempt}.json`,
  modelWeights: (id: string, sha256: string) => `models/${id}/weights-${sha256.slice(0, 16)}.safetensors`,
  /** float32 [count][classes] probabilities, then int32 [count] labels, little-endian. */
  modelPredictions: (id: string, split: Split, sha256: string) =>
    `models/${id}/predictions-${split}-${sha256.slice(0, 16)}.bin`,
  evaluations: "evaluations/",
  evaluation: (id: string) => `evaluations/${id}/`,
  /** Of an evaluation that succeeded. */
  evaluationManifest: (id: string) => `evaluations/${id}/manifest.json`,
  /** As a model's over a split. */
  evaluationPredictions: (id: string, sha256: string) => `evaluations/${id}/predictions-${sha256.slice(0, 16)}.bin`,
} as const;
