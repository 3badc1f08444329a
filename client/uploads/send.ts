/**
 * Sends a body in pieces and tells how far it is. Browsers: XMLHttpRequest, the only one whose progress they tell over
 * HTTP/1.1. Elsewhere: fetch, over a stream that counts what is taken from it.
 */
import { asBlob, bytesOfSegments, sizeOf, type Segment } from "./segments.ts";

export interface Upload {
  segments: readonly Segment[];
  /** Content type. */
  type: string;
  /** Whether it can be sent only once. */
  once: boolean;
}

export interface UploadProgress {
  sentBytes: number;
  /** null where nobody knows. */
  totalBytes: number | null;
}

interface Sending {
  method: string;
  headers: Record<string, string>;
  credentials: "omit" | "same-origin" | "include";
  signal?: AbortSignal;
  upload: Upload;
  onProgress: ((progress: UploadProgress) => void) | undefined;
}

/** As much of XMLHttpRequest as is used. */
interface Xhr {
  upload: { onprogress: ((event: { loaded: number; total: number }) => void) | null };
  onload: (() => void) | null;
  onerror: (() => void) | null;
  onabort: (() => void) | null;
  responseType: string;
  withCredentials: boolean;
  status: number;
  statusText: string;
  response: unknown;
  open(method: string, url: string): void;
  setRequestHeader(name: string, value: string): void;
  getAllResponseHeaders(): string;
  send(body: Blob): void;
  abort(): void;
}
const browserXhr = (): (new () => Xhr) | undefined => (globalThis as { XMLHttpRequest?: new () => Xhr }).XMLHttpRequest;

function answerOf(xhr: Xhr): Response {
  const headers = new Headers();
  for (const line of xhr.getAllResponseHeaders().trim().split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const empty = xhr.status === 204 || xhr.status === 304;
  return new Response(empty ? null : (xhr.response as ArrayBuffer), {
    status: xhr.status,
    statusText: xhr.statusText,
    headers,
  });
}

function sendByXhr(Request: new () => Xhr, url: string, body: Blob, sending: Sending): Promise<Response> {
  const { method, headers, credentials, signal, onProgress } = sending;
  return new Promise((resolve, reject) => {
    const xhr = new Request();
    const stop = (): void => xhr.abort();
    const settled = (act: () => void) => (): void => {
      signal?.removeEventListener("abort", stop);
      act();
    };
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.responseType = "arraybuffer";
    xhr.withCredentials = credentials === "include";
    xhr.upload.onprogress = ({ loaded, total }) => onProgress?.({ sentBytes: loaded, totalBytes: total });
    xhr.onload = settled(() => resolve(answerOf(xhr)));
    xhr.onerror = settled(() => reject(new TypeError("the connection broke, or a file could not be read")));
    xhr.onabort = settled(() => reject((signal?.reason as Error | undefined) ?? new TypeError("aborted")));
    signal?.addEventListener("abort", stop, { once: true });
    xhr.send(body);
  });
}

/** What was to be sent cannot be read, as a file that is gone: no other try would help. */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
  constructor(cause: unknown) {
    super(`what was to be sent cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** A stream that is read no faster than it is sent. `failed` hears of a piece that could not be read. */
function streamOf({ upload, onProgress }: Sending, failed: (error: Unreadable) => void): ReadableStream<Uint8Array> {
  const pieces = bytesOfSegments(upload.segments);
  const totalBytes = sizeOf(upload.segments);
  let sentBytes = 0;
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const next = await pieces.next().catch((error: unknown) => {
        const unreadable = new Unreadable(error);
        failed(unreadable);
        throw unreadable;
      });
      if (next.done === true) return controller.close();
      sentBytes += next.value.length;
      controller.enqueue(next.value);
      onProgress?.({ sentBytes, totalBytes });
    },
    cancel: async () => void (await pieces.return(undefined)),
  });
}

export async function sendWithProgress(ask: typeof fetch, url: string, sending: Sending): Promise<Response> {
  const { upload, method, credentials, signal } = sending;
  const headers: Record<string, string> = { ...sending.headers, "content-type": upload.type };
  let unreadable: Unreadable | null = null;
  const stream = (): ReadableStream<Uint8Array> => streamOf(sending, (error) => (unreadable = error));
  try {
    const Xhr = browserXhr();
    if (Xhr) {
      // A browser streams over HTTP/2 alone: what is a stream is taken in first, to disk where it is long.
      const blob = asBlob(upload.segments, upload.type) ?? (await new Response(stream()).blob());
      signal?.throwIfAborted();
      return await sendByXhr(Xhr, url, blob, { ...sending, headers });
    }
    const totalBytes = sizeOf(upload.segments);
    if (totalBytes !== null) headers["content-length"] = String(totalBytes);
    const init = { method, headers, credentials, ...(signal ? { signal } : {}) };
    return await ask(url, { ...init, body: stream(), duplex: "half" } as RequestInit);
  } catch (error) {
    // The platform wraps what the stream said.
    throw unreadable ?? error;
  }
}
