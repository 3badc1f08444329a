/** Uploads under way: they go on while the reader looks at other pages. */
import { signal } from "@preact/signals";
import type { Dataset } from "../../../schemas/dataset.ts";
import { go, place } from "../router.ts";
import { refreshAll } from "../store/resource.ts";
import { CannotTake, offerOfDrop, offerOfFiles, type Offer } from "./dropped.ts";
import { send, type Sending } from "./send.ts";

export interface Upload {
  id: number;
  name: string;
  phase: "reading" | "sending" | "failed";
  /** Files that were found so far. */
  count: number;
  bytes: number;
  sent: number;
  detail: string | null;
  /** Whether sending it again may help. */
  canRetry: boolean;
}

export const uploads = signal<readonly Upload[]>([]);
const running = new Map<number, { offer: Offer; key: string; sending: Sending | null }>();
let last = 0;

function change(id: number, fields: Partial<Upload>): void {
  uploads.value = uploads.peek().map((each) => (each.id === id ? { ...each, ...fields } : each));
}

export function dismiss(id: number): void {
  running.get(id)?.sending?.abort();
  running.delete(id);
  uploads.value = uploads.peek().filter((each) => each.id !== id);
}

/** Where somebody waits for the dataset it is shown; on other pages it appears in the list. */
function arrived(id: number, dataset: Dataset): void {
  dismiss(id);
  refreshAll("datasets");
  const { path } = place.peek();
  if (path === "/" || path.startsWith("/datasets")) go(`/datasets/${dataset.id}`);
  else if (path === "/jobs/new") go(`/jobs/new?dataset=${dataset.id}`);
}

function start(id: number): void {
  const known = running.get(id);
  if (!known) return;
  const { offer, key } = known;
  const total = Object.values(offer.files).reduce((sum, file) => sum + file.size, 0);
  change(id, { phase: "sending", name: offer.name, count: offer.count, bytes: total, sent: 0, detail: null });
  known.sending = send({ offer, key, progress: (sent) => change(id, { sent: Math.min(sent, total) }) });
  known.sending.done.then(
    (dataset) => arrived(id, dataset),
    (error: unknown) =>
      change(id, {
        phase: "failed",
        detail: error instanceof Error ? error.message : String(error),
        canRetry: true,
      }),
  );
}

export const retry = start;

/** The same upload keeps its Idempotency-Key: sent twice, it is one dataset. */
function begin(name: string, look: (seen: (files: number) => void) => Offer | Promise<Offer>): void {
  const id = (last += 1);
  const fresh = { id, name, phase: "reading" as const, count: 0, bytes: 0, sent: 0, detail: null, canRetry: false };
  uploads.value = [...uploads.peek(), fresh];
  const found = async (): Promise<Offer> => look((count) => change(id, { count }));
  found().then(
    (offer) => {
      running.set(id, { offer, key: crypto.randomUUID(), sending: null });
      start(id);
    },
    (error: unknown) =>
      change(id, {
        phase: "failed",
        detail:
          error instanceof CannotTake ? error.message : `The files could not be read: ${String(error)}. Try once more.`,
      }),
  );
}

export const uploadDrop = (data: DataTransfer): void => begin("your files", (seen) => offerOfDrop(data, seen));
export const uploadFiles = (files: FileList): void => begin("your files", () => offerOfFiles(files));

// Closing the tab would lose what is on its way.
addEventListener("beforeunload", (event) => {
  if (uploads.peek().some(({ phase }) => phase !== "failed")) event.preventDefault();
});
