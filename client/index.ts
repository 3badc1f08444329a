/** A client of the service for browsers, Node, Deno and Bun: fetch and web streams, and nothing else. */
import { Access } from "./access.ts";
import { Datasets } from "./datasets.ts";
import { Inference } from "./inference.ts";
import { Jobs } from "./jobs.ts";
import { Models } from "./models.ts";
import { Sweeps } from "./sweeps.ts";
import { Service } from "./service.ts";
import { Transport, type ClientOptions } from "./transport.ts";
import { Urls } from "./urls.ts";

export class Client {
  readonly access: Access;
  readonly jobs: Jobs;
  readonly datasets: Datasets;
  readonly models: Models;
  readonly sweeps: Sweeps;
  readonly service: Service;
  /** The Open Inference Protocol. */
  readonly inference: Inference;
  /** Addresses of pictures and downloads. */
  readonly urls: Urls;

  /** `url`: of the service, such as http://127.0.0.1:3000; in a page of its own the empty text. */
  constructor(url = "", options: ClientOptions = {}) {
    const transport = new Transport(url, options);
    this.access = new Access(transport);
    this.jobs = new Jobs(transport);
    this.datasets = new Datasets(transport);
    this.models = new Models(transport);
    this.sweeps = new Sweeps(transport);
    this.service = new Service(transport);
    this.inference = new Inference(transport);
    this.urls = new Urls(transport);
  }
}

export { Problem, Unreachable } from "./problem.ts";
export { fileAsSent } from "./datasets.ts";
export type { DatasetFiles, DatasetWaitOptions, FileField, NamedContent, UploadOptions } from "./datasets.ts";
export type { EvaluationWaitOptions } from "./evaluations.ts";
export type { EventsOptions } from "./events.ts";
export type { BinaryInference } from "./inference.ts";
export type { PredictionInput } from "./inputs.ts";
export type { JobWaitOptions } from "./jobs.ts";
export type { ExportFormat } from "./models.ts";
export type { SweepWaitOptions } from "./sweeps.ts";
export type { CallOptions, ClientOptions } from "./transport.ts";
export type { Folder, PickedFile } from "./uploads/folder.ts";
export type { FolderFile } from "./uploads/tar.ts";
export type { Content, Source } from "./uploads/segments.ts";
export { Unreadable, type UploadProgress } from "./uploads/send.ts";
export { usualSettings } from "./uploads/usual.ts";
export { stopWords } from "./words.ts";
export type * from "./types.ts";
