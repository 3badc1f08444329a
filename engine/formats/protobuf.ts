/**
 * Writing protocol buffers, as much of the wire format as ONNX needs: a message is a run of fields, each a key (number
 * · 8 + wire type) and a value.
 *
 *     wire type 0: varint, seven bits a byte, least first   ·   2: length as varint, then bytes   ·   5: four bytes,
 *                                                                                                     little-endian
 *
 * Never reads, knows no schema: field numbers are the caller's.
 */

const varintType = 0;
const bytesType = 2;
const fixed32Type = 5;

/** A count below 2⁵³ as a varint. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

const key = (field: number, wireType: number): number[] => varint(field * 8 + wireType);

/** The fields one after another: a message. */
export function message(...fields: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, each) => sum + each.byteLength, 0));
  let at = 0;
  for (const each of fields) {
    bytes.set(each, at);
    at += each.byteLength;
  }
  return bytes;
}

/** A non-negative integer field (int32, int64, enum). */
export const integerField = (field: number, value: number): Uint8Array =>
  Uint8Array.from([...key(field, varintType), ...varint(value)]);

/** A float field. */
export function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return message(Uint8Array.from(key(field, fixed32Type)), bytes);
}

/** A field of bytes, or of a message already written. */
export const bytesField = (field: number, value: Uint8Array): Uint8Array =>
  message(Uint8Array.from([...key(field, bytesType), ...varint(value.byteLength)]), value);

/** A text field, UTF-8. */
export const textField = (field: number, value: string): Uint8Array =>
  bytesField(field, new TextEncoder().encode(value));
