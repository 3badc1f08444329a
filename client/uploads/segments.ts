/** A body in pieces: bytes that are here, files that the platform reads when it sends them, and streams. */

/** Read when it is sent. `open` is called once for each try. */
export interface Source {
  /** Bytes; null where nobody knows. */
  size: number | null;
  open(): AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;
}
export type Segment = Uint8Array<ArrayBuffer> | Blob | Source;

/** What can be uploaded. A stream can be sent only once: where it is broken off, nothing is tried again. */
export type Content =
  | Blob
  | Uint8Array<ArrayBuffer>
  | string
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Source;

export const isSource = (content: object): content is Source => "open" in content;
const isBlob = (content: object): content is Blob => content instanceof Blob;

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

/** `once`: whether it can be sent only once. */
export function segmentOf(content: Content): { segment: Segment; once: boolean } {
  if (typeof content === "string") return { segment: bytesOf(content), once: false };
  if (content instanceof Uint8Array || isBlob(content) || isSource(content)) return { segment: content, once: false };
  return { segment: { size: null, open: () => content }, once: true };
}

export function sizeOf(segments: readonly Segment[]): number | null {
  let sum = 0;
  for (const each of segments) {
    const size = each instanceof Uint8Array ? each.length : each.size;
    if (size === null) return null;
    sum += size;
  }
  return sum;
}

/** A stream's pieces. Not every browser can iterate over one. */
export async function* piecesOf(
  stream: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!(stream instanceof ReadableStream)) return yield* stream;
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}

/** All of it, a piece at a time. */
export async function* bytesOfSegments(segments: readonly Segment[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const each of segments) {
    if (each instanceof Uint8Array) yield each;
    else yield* piecesOf(isSource(each) ? each.open() : (each.stream() as ReadableStream<Uint8Array>));
  }
}

/** One Blob, of which nothing is read before it is sent; null where a piece is a stream. */
export function asBlob(segments: readonly Segment[], type: string): Blob | null {
  const parts = segments.filter((each): each is Exclude<Segment, Source> => !isSource(each));
  return parts.length === segments.length ? new Blob(parts, { type }) : null;
}
