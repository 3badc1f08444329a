/**
 * Takes an upload from the wire to storage: never held in memory, counted while it comes, gone without trace where it
 * breaks off.
 */
import { Transform } from "node:stream";
import type { Readable, TransformCallback } from "node:stream";
import type { FastifyRequest } from "fastify";
import { grouped, nameLimit } from "../../shared/dataset-limits.ts";
import { keys } from "../../shared/redis-keys.ts";
import { unreadDataset, type DatasetRecord } from "../../shared/records/index.ts";
import { layout } from "../../shared/storage/index.ts";
import { originOf, type Within } from "../dependencies.ts";
import { Problem, Refusal, conflict } from "../http/problem.ts";
import { readParts } from "../http/uploads.ts";
import { UploadSpace } from "./space.ts";
import { checkFileField, checkFiles, fileFields, readSettings } from "./upload-form.ts";
import type { FileField } from "./upload-form.ts";

type Received = NonNullable<DatasetRecord["upload"]>["files"][number] & { field: FileField };

const signOfLifeSeconds = 15;
const beatEveryMs = 3000;
const spaceEveryBytes = 64 * 1024 * 1024;
const formBytes = 1024 * 1024;

/** How ZIP and gzip begin. */
const packed = ["PK", "\u001f\u008b"];

/** Passes bytes on and counts them; asks for free disk as they come. */
class Gauge extends Transform {
  bytes = 0;
  #start = "";
  readonly #requireSpace: (bytes: number) => Promise<void>;
  #asked = 0;

  constructor(askSpace: (bytes: number) => Promise<void>) {
    super();
    this.#requireSpace = askSpace;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    if (this.#start.length < 2) this.#start += chunk.toString("latin1", 0, 2);
    if (this.bytes - this.#asked < spaceEveryBytes) {
      done(null, chunk);
      return;
    }
    this.#asked = this.bytes;
    void this.#askThenPass(chunk, done);
  }

  /** Whether it is to be unpacked, to nobody knows how many bytes. */
  get isPacked(): boolean {
    return packed.includes(this.#start.slice(0, 2));
  }

  async #askThenPass(chunk: Buffer, done: TransformCallback): Promise<void> {
    let refusal: Error | null = null;
    try {
      await this.#requireSpace(this.bytes);
    } catch (error) {
      refusal = error instanceof Error ? error : new Error(String(error));
    }
    if (refusal) done(refusal);
    else done(null, chunk);
  }
}

export class Reception {
  readonly #dependencies: Within;
  readonly #request: FastifyRequest;
  readonly #id: string;
  readonly #declared: number | null;
  readonly #space: UploadSpace;
  readonly #fields = new Map<string, string>();
  readonly #files: Received[] = [];
  #received = 0;
  /** Why no more of it is taken. */
  #refusal: Refusal | null = null;
  #beat: NodeJS.Timeout | null = null;

  constructor(dependencies: Within, request: FastifyRequest) {
    this.#dependencies = dependencies;
    this.#request = request;
    this.#id = `ds_${request.ulid}`;
    this.#space = new UploadSpace(dependencies.config);
    const length = Number(request.headers["content-length"]);
    this.#declared = Number.isSafeInteger(length) ? length : null;
  }

  /** The record, now `checking`. Throws a problem, and then nothing stays. */
  async run(): Promise<DatasetRecord> {
    try {
      return await this.#receive();
    } finally {
      this.#space.release();
    }
  }

  async #receive(): Promise<DatasetRecord> {
    const { records } = this.#dependencies;
    this.#refuseByLength();
    await this.#space.expect(this.#declared ?? 0);
    const made = await records.datasets.create(
      unreadDataset({
        id: this.#id,
        name: this.#id,
        alias: null,
        status: "receiving",
        origin: originOf(this.#dependencies, this.#request),
      }),
      { expectedBytes: Math.max(1, this.#declared ?? 0) },
    );
    if (made === "exists") {
      const before = await records.datasets.read(this.#id);
      if (before && before.status !== "receiving")
        throw conflict(`the upload with this Idempotency-Key arrived already, as dataset ${this.#id}`);
    }
    try {
      await this.#showLife();
      this.#beat = setInterval(
        () =>
          void this.#showLife().catch((error: unknown) => {
            if (error instanceof Refusal) this.#refusal = error;
            else this.#request.log.debug({ err: error }, "the progress of an upload could not be written");
          }),
        beatEveryMs,
      );
      await this.#takeParts();
      return await this.#commit();
    } catch (error) {
      await this.#forget();
      throw error;
    } finally {
      if (this.#beat) clearInterval(this.#beat);
    }
  }

  /** A length that no upload may have is refused before a byte of it is taken. */
  #refuseByLength(): void {
    const { datasets: limits } = this.#dependencies.config;
    const most = limits.MAX_UPLOAD_BYTES * fileFields.length + formBytes;
    if (this.#declared !== null && this.#declared > most) {
      throw new Problem({
        code: "payload-too-large",
        detail: `this upload declares ${grouped(this.#declared)} bytes; expected at most ${nameLimit(limits, "MAX_UPLOAD_BYTES")} for each file`,
      });
    }
  }

  /**
   * Progress, and the sign that somebody is still sending. What has arrived counts for the project; notices a deletion,
   * and throws a refusal where the project may not store so much.
   */
  async #showLife(): Promise<void> {
    const { redis, records } = this.#dependencies;
    await redis.set(keys.receiving(this.#id), "1", "EX", signOfLifeSeconds);
    const fraction =
      this.#declared === null || this.#declared === 0
        ? 0
        : Math.min(1, Math.round((1000 * this.#received) / this.#declared) / 1000);
    const answer = await records.datasets.patch(this.#id, { fraction }, "receiving", this.#received);
    if (answer === "missing") this.#refusal = conflict(`dataset ${this.#id} was deleted while it was received`);
  }

  async #takeParts(): Promise<void> {
    const { datasets: limits } = this.#dependencies.config;
    const parts = readParts(this.#request, {
      fileBytes: limits.MAX_UPLOAD_BYTES,
      files: fileFields.length,
      fields: 16,
      fieldBytes: formBytes,
    });
    for await (const part of parts) {
      if (part.kind === "file") await this.#takeFile(part);
      else {
        if (this.#fields.has(part.name))
          throw new Problem({
            code: "invalid-request",
            detail: `the field '${part.name}' was sent twice`,
            errors: [{ pointer: `/${part.name}`, detail: "was sent twice" }],
          });
        if ((fileFields as readonly string[]).includes(part.name)) {
          throw new Problem({
            code: "invalid-request",
            detail: `the field '${part.name}' came as text; expected a file, with a file name (curl: -F ${part.name}=@path)`,
            errors: [{ pointer: `/${part.name}`, detail: "expected a file" }],
          });
        }
        this.#fields.set(part.name, part.value);
      }
    }
  }

  async #takeFile(part: { name: string; filename: string; stream: Readable }): Promise<void> {
    const { storage } = this.#dependencies;
    // A short part may have broken off before it came to be read.
    if (part.stream.errored) throw part.stream.errored;
    const field = checkFileField(
      part.name,
      this.#files.map((each) => each.field),
    );
    const before = this.#received;
    const gauge = new Gauge((bytes) => this.#space.expect(before + bytes));
    gauge.on("data", (chunk: Buffer) => {
      this.#space.arrived(chunk.length);
      this.#received = before + gauge.bytes;
      if (this.#refusal) gauge.destroy(this.#refusal);
    });
    gauge.pause();
    // An upload may break off before storage listens: unheard, that would end the process.
    gauge.on("error", () => undefined);
    part.stream.on("error", (error) => gauge.destroy(error));
    part.stream.pipe(gauge);
    const key = `${layout.upload(this.#id)}${field}`;
    try {
      const stored = await storage.put(key, gauge, "held");
      const name = (part.filename ?? "").split(/[\\/]/).at(-1)?.slice(0, 200) ?? "";
      this.#files.push({ field, name: name === "" ? field : name, key, bytes: stored.bytes, packed: gauge.isPacked });
    } catch (error) {
      // Storage wraps what broke the stream; the sender is told of the cause.
      const cause = gauge.errored ?? (error instanceof Error && error.cause instanceof Refusal ? error.cause : null);
      throw cause instanceof Refusal || (cause && "code" in cause && String(cause.code).startsWith("FST_"))
        ? cause
        : error;
    }
  }

  async #commit(): Promise<DatasetRecord> {
    const { records, queues, log } = this.#dependencies;
    if (this.#beat) clearInterval(this.#beat);
    checkFiles(this.#files.map((each) => each.field));
    const settings = readSettings(this.#fields);
    const name =
      settings.name ??
      (this.#files[0]?.name ?? "").replace(/(\.(tar|csv|jsonl))?\.(gz|tgz|zip|tar|npz|csv|jsonl|idx)$/i, "");
    const fields = {
      name: name === "" ? this.#id : name,
      upload: { settings, files: this.#files },
      status: "checking" as const,
      fraction: 0,
      ...(settings.alias === undefined ? {} : { alias: settings.alias }),
    };
    const takes = this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
    const answer = await records.datasets.patch(this.#id, fields, "receiving", takes);
    if (answer === "alias-taken")
      throw conflict(`the alias '${settings.alias}' belongs to another dataset; choose another, or rename that one`);
    if (answer !== "ok") throw conflict(`dataset ${this.#id} was deleted while it was received`);
    await queues
      .deliverCheck(this.#id)
      .catch((error: unknown) =>
        log.warn({ err: error, dataset: this.#id }, "a dataset waits for its check until the order is found again"),
      );
    const record = await records.datasets.read(this.#id);
    if (!record) throw conflict(`dataset ${this.#id} was deleted in this moment`);
    return record;
  }

  async #forget(): Promise<void> {
    const { records, storage, log } = this.#dependencies;
    await records.datasets
      .abandon(this.#id)
      .catch((error: unknown) =>
        log.warn({ err: error, dataset: this.#id }, "a broken upload's record is left to the sweeper"),
      );
    await storage
      .deleteAll(layout.upload(this.#id))
      .catch((error: unknown) =>
        log.warn({ err: error, dataset: this.#id }, "a broken upload's bytes are left to the collector"),
      );
  }
}
