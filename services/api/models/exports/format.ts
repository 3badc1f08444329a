/** What an export is made of, and what each form of it says. */
import type { Prediction, Subject } from "../../../prediction/index.ts";
import type { DatasetRecord, JobRecord, ModelRecord } from "../../../shared/records/index.ts";
import type { Storage } from "../../../shared/storage/index.ts";

/** A model and what is known of how it came to be: an import has no dataset and no job, and either may be deleted. */
export interface Exported {
  model: ModelRecord;
  subject: Subject;
  dataset: DatasetRecord | null;
  job: JobRecord | null;
  prediction: Prediction;
  storage: Storage;
}

export interface ExportFormat {
  summary: string;
  extension: string;
  mediaType: string;
  make(exported: Exported): Promise<Uint8Array>;
}

/** What a safetensors file says about itself. */
export const aboutOf = ({ id, name, classes }: ModelRecord): Record<string, string> => ({
  model: id,
  name,
  classes: JSON.stringify(classes),
});
