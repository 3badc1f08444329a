/** Uploads under way: they go on while the reader looks at other pages. */
import { signal } from "@preact/signals";
import { Problem, usualSettings, type UploadSettings } from "../../../client/index.ts";
import type { Dataset } from "../../../schemas/dataset.ts";
import { go, place, withQuery } from "../router.ts";
import { asError, service } from "../service.ts";
import { keyMissing } from "../store/connection.ts";
import { refreshAll } from "../store/resource.ts";
import { CannotTake, offerOfDrop, offerOfFiles, type Offer } from "./dropped.ts";

export interface Upload {
  id: number;
  name: string;
  phase: "reading" | "sending" | "failed";
  /** Files that were found so far. */
  count: number;
  /** null until it is known. */
  totalBytes: number | null;
  sentBytes: number;
  detail: string | null;
  /** Whether sending it again may help. */
  canRetry: boolean;
}

interface Running {
  offer: Offer;
  /** The same upload keeps its Idempotency-Key: sent twice, it is one dataset. */
  idempotencyKey: string;
  abort: AbortController;
}

/** How the next files are to be read; what is not said is left to the service. */
export const uploadSettings = signal<UploadSettings>({});
export const uploads = signal<readonly Upload[]>([]);
const running = new Map<number, Running>();
let last = 0;

function change(id: number, fields: Partial<Upload>): void {
  uploads.value = uploads.peek().map((each) => (each.id === id ? { ...each, ...fields } : each));
}

/** Ends it where it is under way, and takes it from the list. */
export function dismiss(id: number): void {
  running.get(id)?.abort.abort();
  running.delete(id);
  uploads.value = uploads.peek().filter((each) => each.id !== id);
}

/** Where somebody waits for the dataset it is shown; on other pages it appears in the list. */
function arrived(id: number, dataset: Dataset): void {
  dismiss(id);
  refreshAll("datasets");
  const { path, query } = place.peek();
  if (path === "/" || path.startsWith("/datasets")) go(`/datasets/${dataset.id}`);
  else if (path === "/jobs/new") go(withQuery(path, { ...Object.fromEntries(query), dataset: dataset.id }));
}

/** The problem's own sentence, with the field that it is about. */
function sentenceOf(error: Error): string {
  const [first] = error instanceof Problem ? error.errors : [];
  return first && first.pointer !== "" ? `${first.pointer.slice(1)}: ${first.detail}` : error.message;
}

async function sendNow(id: number, { offer, idempotencyKey, abort }: Running): Promise<void> {
  change(id, { phase: "sending", name: offer.name, count: offer.count, sentBytes: 0, detail: null });
  try {
    const usual = "folder" in offer.files ? await usualSettings(offer.files.folder) : {};
    const settings = { name: offer.name.slice(0, 200), ...usual, ...uploadSettings.peek() };
    const dataset = await service.datasets.upload(offer.files, settings, {
      idempotencyKey,
      signal: abort.signal,
      onProgress: (progress) => change(id, progress),
    });
    arrived(id, dataset);
  } catch (error) {
    if (abort.signal.aborted) return;
    if (error instanceof Problem && error.status === 401) keyMissing();
    change(id, { phase: "failed", detail: sentenceOf(asError(error)), canRetry: true });
  }
}

export function retry(id: number): void {
  const known = running.get(id);
  if (known) void sendNow(id, known);
}

async function begin(look: (seen: (files: number) => void) => Offer | Promise<Offer>): Promise<void> {
  const id = (last += 1);
  const fresh: Upload = {
    id,
    name: "your files",
    phase: "reading",
    count: 0,
    totalBytes: null,
    sentBytes: 0,
    detail: null,
    canRetry: false,
  };
  uploads.value = [...uploads.peek(), fresh];
  try {
    const offer = await look((count) => change(id, { count }));
    running.set(id, { offer, idempotencyKey: crypto.randomUUID(), abort: new AbortController() });
    retry(id);
  } catch (error) {
    const detail = error instanceof CannotTake ? error.message : `The files cannot be read: ${asError(error).message}`;
    change(id, { phase: "failed", detail });
  }
}

export const uploadDrop = (data: DataTransfer): void => void begin((seen) => offerOfDrop(data, seen));
export const uploadFiles = (files: FileList): void => void begin(() => offerOfFiles(files));

// Closing the tab would lose what is on its way.
addEventListener("beforeunload", (event) => {
  if (uploads.peek().some(({ phase }) => phase !== "failed")) event.preventDefault();
});
