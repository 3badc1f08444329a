/** multipart/form-data as pieces: the platform's own FormData takes no streams and tells no progress. */
import { randomName } from "../random.ts";
import { bytesOf, segmentOf, type Content, type Segment } from "./segments.ts";
import type { Upload } from "./send.ts";

/** A field, or with a `filename` a file. */
export interface Part {
  name: string;
  filename?: string;
  content: Content | { segments: readonly Segment[]; once: boolean };
}

/** As browsers do it: a name must not end its own quotes. */
const quoted = (name: string): string =>
  `"${name.replace(/["\r\n]/g, (each) => `%${each.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`)}"`;

export function multipart(parts: readonly Part[]): Upload {
  const boundary = `part-${randomName()}`;
  let sentOnce = false;
  const segments: Segment[] = [];
  for (const { name, filename, content } of parts) {
    const file =
      filename === undefined ? "" : `; filename=${quoted(filename)}\r\ncontent-type: application/octet-stream`;
    segments.push(bytesOf(`--${boundary}\r\ncontent-disposition: form-data; name=${quoted(name)}${file}\r\n\r\n`));
    if (typeof content === "object" && "segments" in content) {
      segments.push(...content.segments);
      sentOnce ||= content.once;
    } else {
      const { segment, once } = segmentOf(content);
      segments.push(segment);
      sentOnce ||= once;
    }
    segments.push(bytesOf("\r\n"));
  }
  segments.push(bytesOf(`--${boundary}--\r\n`));
  return { segments, type: `multipart/form-data; boundary=${boundary}`, once: sentOnce };
}
