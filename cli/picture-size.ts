/** Width and height of a picture by its first bytes: PNG, GIF, BMP, WebP and JPEG. */

export interface Extent {
  width: number;
  height: number;
}

/** As many bytes as usually hold it; a JPEG with a long preview before its size is left out. */
export const headBytes = 64 * 1024;

const ascii = (head: Buffer, at: number, length: number): string => head.toString("latin1", at, at + length);

/** The size stands in the first "start of frame" segment, after others of any length. */
function jpeg(head: Buffer): Extent | null {
  for (let at = 2; at + 9 < head.length && head[at] === 0xff;) {
    const marker = head[at + 1];
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: head.readUInt16BE(at + 5), width: head.readUInt16BE(at + 7) };
    at += 2 + head.readUInt16BE(at + 2);
  }
  return null;
}

function webp(head: Buffer): Extent | null {
  switch (ascii(head, 12, 4)) {
    case "VP8X":
      return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
    case "VP8L": {
      const bits = head.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8 ":
      return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
    default:
      return null;
  }
}

/** null for what is none of these, or has its size further in. */
export function extentOf(head: Buffer): Extent | null {
  if (head.length < 30) return null;
  if (ascii(head, 1, 3) === "PNG") return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
  if (ascii(head, 0, 4) === "GIF8") return { width: head.readUInt16LE(6), height: head.readUInt16LE(8) };
  if (ascii(head, 0, 2) === "BM") return { width: head.readInt32LE(18), height: Math.abs(head.readInt32LE(22)) };
  if (ascii(head, 0, 4) === "RIFF" && ascii(head, 8, 4) === "WEBP") return webp(head);
  return head.readUInt16BE(0) === 0xffd8 ? jpeg(head) : null;
}
