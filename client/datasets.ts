/** Datasets: labelled images, uploaded once and checked in the background. */
import { pause } from "./pause.ts";
import { path, textOf, type CallOptions, type Transport } from "./transport.ts";
import type {
  AugmentationSheetQuery,
  Dataset,
  DatasetChanges,
  DatasetPage,
  DatasetsQuery,
  DeleteDatasetQuery,
  SamplePage,
  SamplePictureQuery,
  SampleSheetQuery,
  SamplesQuery,
  Split,
  UploadSettings,
} from "./types.ts";
import { filesOf, type Folder } from "./uploads/folder.ts";
import { multipart, type Part } from "./uploads/multipart.ts";
import type { Content } from "./uploads/segments.ts";
import type { UploadProgress } from "./uploads/send.ts";
import { tar } from "./uploads/tar.ts";

const fileFields = ["file", "testFile", "validationFile", "images", "labels", "testImages", "testLabels"] as const;
export type FileField = (typeof fileFields)[number];

/** A file and, where it does not know its own, its name. */
export type NamedContent = Content | { name: string; content: Content };

/** A folder of pictures in folders, one a class; or files by the names of the form's fields. */
export type DatasetFiles = { folder: Folder } | { [Field in FileField]?: NamedContent };

export interface UploadOptions extends CallOptions {
  /** How much is sent. */
  onProgress?: (progress: UploadProgress) => void;
}

export interface DatasetWaitOptions extends CallOptions {
  /** Called each time it was looked at. */
  onChange?: (dataset: Dataset) => void;
}

const nameOf = (content: object): string | null =>
  "name" in content && typeof content.name === "string" && content.name !== "" ? content.name : null;

function filePart(name: FileField, given: NamedContent): Part {
  const content = typeof given === "object" && "content" in given ? given.content : given;
  return { name, filename: (typeof given === "object" ? nameOf(given) : null) ?? name, content };
}

/** What a folder's archive is called. */
const archive = "folder.tar";

/** A problem's file as whoever sent a folder knows it: without the archive that it came in. */
export const fileAsSent = (file: string): string =>
  file.startsWith(`${archive}: `) ? file.slice(archive.length + 2) : file;

async function partsOf(files: DatasetFiles, settings: UploadSettings): Promise<Part[]> {
  const fields = Object.entries(settings).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, content: textOf(value) }],
  );
  if ("folder" in files) {
    const folder = await filesOf(files.folder);
    return [...fields, { name: "file", filename: archive, content: { segments: tar(folder), once: false } }];
  }
  return [
    ...fields,
    ...fileFields.flatMap((name) => {
      const given = files[name];
      return given === undefined ? [] : [filePart(name, given)];
    }),
  ];
}

const firstLookMs = 100;
const slowestLookMs = 2000;

export class Datasets {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  #get<Answer>(at: string, query?: object, options?: CallOptions): Promise<Answer> {
    return this.#transport.json({ method: "GET", path: at, query }, options);
  }
  #picture(at: string, query?: object, options?: CallOptions): Promise<Response> {
    return this.#transport.response({ method: "GET", path: at, query, accept: "image/png" }, options);
  }

  /** Sends the files; answers as soon as they have arrived. `wait` for their check. */
  async upload(
    files: DatasetFiles,
    settings: UploadSettings = {},
    { onProgress, ...options }: UploadOptions = {},
  ): Promise<Dataset> {
    const upload = multipart(await partsOf(files, settings));
    return this.#transport.json({ method: "POST", path: "/v1/datasets", upload, onProgress }, options);
  }
  /** Waits until it is ready or rejected: look at `status`, and at `problems`. */
  async wait(id: string, { onChange, ...options }: DatasetWaitOptions = {}): Promise<Dataset> {
    for (let delay = firstLookMs; ; delay = Math.min(slowestLookMs, delay * 1.3)) {
      const dataset = await this.get(id, options);
      onChange?.(dataset);
      if (dataset.terminal) return dataset;
      await pause(delay, options.signal);
    }
  }
  /** By id, alias or alias@revision. */
  get(id: string, options?: CallOptions): Promise<Dataset> {
    return this.#get(path`/v1/datasets/${id}`, undefined, options);
  }
  /** A page, newest first. */
  list(query?: DatasetsQuery, options?: CallOptions): Promise<DatasetPage> {
    return this.#get("/v1/datasets", query, options);
  }
  /** Every dataset, page after page. */
  all(query?: DatasetsQuery, options?: CallOptions): AsyncGenerator<Dataset, void, undefined> {
    return this.#transport.all("/v1/datasets", query, options);
  }
  update(id: string, changes: DatasetChanges, options?: CallOptions): Promise<Dataset> {
    return this.#transport.json({ method: "PATCH", path: path`/v1/datasets/${id}`, json: changes }, options);
  }
  /** Also ends an upload that is being checked. `cascade` takes its jobs and models along. */
  delete(id: string, query?: DeleteDatasetQuery, options?: CallOptions): Promise<void> {
    return this.#transport.done({ method: "DELETE", path: path`/v1/datasets/${id}`, query }, options);
  }

  samples(id: string, query?: SamplesQuery, options?: CallOptions): Promise<SamplePage> {
    return this.#get(path`/v1/datasets/${id}/samples`, query, options);
  }
  /** One sample as a PNG. */
  samplePicture(
    id: string,
    { split, index, ...query }: { split: Split; index: number } & SamplePictureQuery,
    options?: CallOptions,
  ): Promise<Response> {
    return this.#picture(path`/v1/datasets/${id}/samples/${split}/${index}.png`, query, options);
  }
  /** Many samples on one PNG. */
  sampleSheet(id: string, query?: SampleSheetQuery, options?: CallOptions): Promise<Response> {
    return this.#picture(path`/v1/datasets/${id}/samples.png`, query, options);
  }
  /** What augmentation would make of samples, as a PNG. */
  augmentationSheet(id: string, query?: AugmentationSheetQuery, options?: CallOptions): Promise<Response> {
    return this.#picture(path`/v1/datasets/${id}/augmentations.png`, query, options);
  }
}
