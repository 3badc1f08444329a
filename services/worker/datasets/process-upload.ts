/**
 * One upload from `checking` to `ready` or `rejected`. Safe to run twice: bytes are named by their digest and the
 * record changes only while it is `checking`.
 */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { uploadSettings } from "../../../schemas/dataset.ts";
import type { DatasetProblem } from "../../../schemas/dataset.ts";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import type { Logger } from "../../shared/log.ts";
import { withLogFields } from "../../shared/log-fields.ts";
import { requestOf, type DatasetRecord, type Records } from "../../shared/records/index.ts";
import type { Tracing } from "../../shared/tracing/index.ts";
import { NoSpace, holdingSpace, isStorageFault, layout } from "../../shared/storage/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import { Refusal } from "../../shared/refusal.ts";
import { CheckFailed, runCheck } from "./checker.ts";
import type { LocalFile } from "./open.ts";
import { DatasetRefused } from "./refused.ts";
import { readyFields, storeDataset } from "./store.ts";
import { makeWorkplace } from "./workplace.ts";

export interface UploadsOptions {
  records: Records;
  storage: Storage;
  dataDir: string;
  limits: DatasetLimits;
  tracing: Pick<Tracing, "span">;
  log: Logger;
}

export interface Delivered {
  datasetId: string;
  /** The worker ends: the check is given up and will be tried again. */
  signal: AbortSignal;
  /** No further try follows: whatever happens now is the end. */
  last: boolean;
}

/** The record is gone or no longer `checking`: somebody deleted it. */
class Withdrawn extends Error {}

const reportEveryMs = 500;

/** An upload where it lies, or a copy that goes with the workplace: the storage's own cache would keep it. */
async function fetchUpload(
  storage: Storage,
  { field, key }: { field: string; key: string },
  { directory, leaveBytes }: { directory: string; leaveBytes: number },
): Promise<string> {
  if (storage.onDisk) return storage.local(key);
  const path = join(directory, `${field}.upload`);
  await pipeline(await storage.stream(key), holdingSpace({ folder: directory, leaveBytes }), createWriteStream(path));
  return path;
}

export class UploadProcessor {
  readonly #options: UploadsOptions;
  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Throws where another try may help. */
  async process(delivered: Delivered): Promise<void> {
    const record = await this.#options.records.datasets.read(delivered.datasetId);
    if (!record || record.status !== "checking" || !record.upload) return;
    const about = { origin: record.origin, attributes: { "dataset.id": record.id } };
    await withLogFields({ dataset: record.id, ...requestOf(record) }, () =>
      this.#options.tracing.span("check dataset", about, () => this.#process(record, delivered)),
    );
  }

  async #process(record: DatasetRecord, delivered: Delivered): Promise<void> {
    const { storage } = this.#options;
    const withdrawn = new AbortController();
    const watch = this.#watch(record.id, withdrawn);
    try {
      await this.#check(record, AbortSignal.any([delivered.signal, withdrawn.signal]), watch.report);
    } catch (error) {
      if (error instanceof Withdrawn || (!delivered.signal.aborted && (await this.#isDeleted(record.id))))
        await this.#forget(record.id);
      else if (error instanceof DatasetRefused) await this.#reject(record.id, error.problems);
      else if (delivered.last && !delivered.signal.aborted) await this.#reject(record.id, [this.#explain(error)]);
      else throw error;
      return;
    } finally {
      watch.stop();
    }
    await storage.deleteAll(layout.upload(record.id));
  }

  /** Writes progress, and notices on the way that the record was deleted. */
  #watch(id: string, withdrawn: AbortController): { report: (fraction: number) => void; stop: () => void } {
    const { records, log } = this.#options;
    let fraction = 0;
    let busy = false;
    const timer = setInterval(() => {
      if (busy) return;
      busy = true;
      records.datasets
        .patch(id, { fraction: Math.round(fraction * 1000) / 1000 }, "checking")
        .then((answer) => {
          if (answer !== "ok") withdrawn.abort(new Withdrawn("the dataset was deleted while it was checked"));
        })
        .catch((error: unknown) =>
          log.debug({ err: error, dataset: id }, "the progress of a check could not be written"),
        )
        .finally(() => {
          busy = false;
        });
    }, reportEveryMs);
    return { report: (value) => (fraction = value), stop: () => clearInterval(timer) };
  }

  /**
   * Whether the dataset was deleted, which also takes the upload away from under its check. A record that is `ready`
   * was not: another check of the same upload was faster, and its files stay.
   */
  async #isDeleted(id: string): Promise<boolean> {
    return (await this.#options.records.datasets.read(id)) === null;
  }

  async #check(record: DatasetRecord, signal: AbortSignal, report: (fraction: number) => void): Promise<void> {
    const { records, storage, dataDir, limits, log } = this.#options;
    const { upload } = record;
    if (!upload) return;
    const started = Date.now();
    const workplace = await makeWorkplace(dataDir);
    try {
      const files: LocalFile[] = [];
      const room = { directory: workplace.directory, leaveBytes: limits.MIN_FREE_BYTES };
      for (const file of upload.files)
        files.push({ field: file.field, name: file.name, path: await fetchUpload(storage, file, room) });
      // Parsed again: an upload that waited through an update of the service lacks what was added since.
      const settings = uploadSettings.parse(upload.settings);
      const task = { files, settings, limits, directory: workplace.directory };
      const dataset = await runCheck({ task, onProgress: report, log: log.child({ dataset: record.id }), signal });
      await this.#hold(record.id, dataset.bytes);
      const manifest = await storeDataset(storage, record, dataset);
      const answer = await records.datasets.patch(record.id, readyFields(dataset, manifest), "checking");
      if (answer !== "ok") throw new Withdrawn("the dataset was deleted while it was stored");
      log.info({ dataset: record.id, revision: dataset.revision, ms: Date.now() - started }, "dataset ready");
    } finally {
      await workplace.remove();
    }
  }

  /** What it takes up as a dataset counts before it is stored, in place of the upload. */
  async #hold(id: string, bytes: number): Promise<void> {
    try {
      const answer = await this.#options.records.datasets.patch(id, { bytes }, "checking", bytes);
      if (answer !== "ok") throw new Withdrawn("the dataset was deleted before it was stored");
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const detail = `the dataset has ${bytes} bytes and no room: ${error.message}`;
      throw new DatasetRefused([{ file: null, row: null, detail }]);
    }
  }

  #explain(error: unknown): DatasetProblem {
    const { log } = this.#options;
    log.error({ err: error }, "an upload could not be checked");
    const full =
      isStorageFault(error, "full") ||
      error instanceof NoSpace ||
      (error instanceof CheckFailed && error.code === "ENOSPC");
    const damaged = isStorageFault(error, "damaged", "missing");
    const detail = full
      ? "there was not enough space on the service's disk to check this upload; nothing is wrong with the file"
      : damaged
        ? "the upload was damaged or lost on its way through the storage; send it again"
        : "the check broke off several times without an answer; the file may be damaged, or need more memory than a check is given";
    return { file: null, row: null, detail };
  }

  async #reject(id: string, problems: DatasetProblem[]): Promise<void> {
    const { records, storage, log } = this.#options;
    const answer = await records.datasets.patch(
      id,
      { status: "rejected", terminal: true, fraction: 1, problems, bytes: null, upload: null },
      "checking",
    );
    if (answer !== "ok") await storage.deleteAll(layout.dataset(id));
    await storage.deleteAll(layout.upload(id));
    log.info({ dataset: id, problem: problems[0]?.detail }, "dataset rejected");
  }

  async #forget(id: string): Promise<void> {
    const { storage, log } = this.#options;
    await storage.deleteAll(layout.dataset(id));
    await storage.deleteAll(layout.upload(id));
    log.info({ dataset: id }, "a dataset was deleted while it was checked");
  }
}
