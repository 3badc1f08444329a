/** Addresses for pages: `<img src>`, `<a href download>`. With a key instead of a cookie ask for the bytes instead. */
import type { ExportFormat } from "./models.ts";
import { path, type Transport } from "./transport.ts";
import type {
  AugmentationSheetQuery,
  FiltersQuery,
  JobFiltersQuery,
  SamplePictureQuery,
  SampleSheetQuery,
  Split,
} from "./types.ts";

export class Urls {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  sample(dataset: string, { split, index, ...query }: { split: Split; index: number } & SamplePictureQuery): string {
    return this.#transport.url(path`/v1/datasets/${dataset}/samples/${split}/${index}.png`, query);
  }
  sampleSheet(dataset: string, query?: SampleSheetQuery): string {
    return this.#transport.url(path`/v1/datasets/${dataset}/samples.png`, query);
  }
  augmentationSheet(dataset: string, query?: AugmentationSheetQuery): string {
    return this.#transport.url(path`/v1/datasets/${dataset}/augmentations.png`, query);
  }
  filters(model: string, { layer, ...query }: { layer: number } & FiltersQuery): string {
    return this.#transport.url(path`/v1/models/${model}/filters/${layer}.png`, query);
  }
  /** Of a job's checkpoint: the newest, or that of an epoch. */
  jobFilters(job: string, { layer, ...query }: { layer: number } & JobFiltersQuery): string {
    return this.#transport.url(path`/v1/jobs/${job}/filters/${layer}.png`, query);
  }
  export(model: string, format: ExportFormat): string {
    return this.#transport.url(path`/v1/models/${model}/exports/${format}`);
  }
  checkpointWeights(job: string, epoch: number): string {
    return this.#transport.url(path`/v1/jobs/${job}/checkpoints/${epoch}/weights`);
  }
}
