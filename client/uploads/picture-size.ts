/** Width and height of a picture by its first bytes: PNG, GIF, BMP, WebP and JPEG. */

export interface Extent {
  width: number;
  height: number;
}

/** As many bytes as usually hold it; a JPEG with a long preview before its size is left out. */
export const headBytes = 64 * 1024;

const ascii = (head: DataView, at: number, length: number): string =>
  String.fromCharCode(...Array.from({ length }, (_, offset) => head.getUint8(at + offset)));
const uint24 = (head: DataView, at: number): number => head.getUint16(at, true) + (head.getUint8(at + 2) << 16);

/** The size stands in the first "start of frame" segment, after others of any length. */
function jpeg(head: DataView): Extent | null {
  for (let at = 2; at + 9 < head.byteLength && head.getUint8(at) === 0xff;) {
    const marker = head.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: head.getUint16(at + 5), width: head.getUint16(at + 7) };
    at += 2 + head.getUint16(at + 2);
  }
  return null;
}

function webp(head: DataView): Extent | null {
  switch (ascii(head, 12, 4)) {
    case "VP8X":
      return { width: uint24(head, 24) + 1, height: uint24(head, 27) + 1 };
    case "VP8L": {
      const bits = head.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8 ":
      return { width: head.getUint16(26, true) & 0x3fff, height: head.getUint16(28, true) & 0x3fff };
    default:
      return null;
  }
}

/** null for what is none of these, or has its size further in. */
export function extentOf(bytes: Uint8Array): Extent | null {
  if (bytes.length < 30) return null;
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (ascii(head, 1, 3) === "PNG") return { width: head.getUint32(16), height: head.getUint32(20) };
  if (ascii(head, 0, 4) === "GIF8") return { width: head.getUint16(6, true), height: head.getUint16(8, true) };
  if (ascii(head, 0, 2) === "BM") return { width: head.getInt32(18, true), height: Math.abs(head.getInt32(22, true)) };
  if (ascii(head, 0, 4) === "RIFF" && ascii(head, 8, 4) === "WEBP") return webp(head);
  return head.getUint16(0) === 0xffd8 ? jpeg(head) : null;
}
