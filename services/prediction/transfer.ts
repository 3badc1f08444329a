/** What of an answer can change threads instead of being copied. */

/** The buffers of typed arrays in a value, in its lists and in its fields: those that belong to one array alone. */
export function buffersOf(value: unknown, depth = 2): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const look = (at: unknown, left: number): void => {
    if (ArrayBuffer.isView(at)) {
      if (at.buffer instanceof ArrayBuffer && at.byteLength === at.buffer.byteLength) found.add(at.buffer);
    } else if (typeof at === "object" && at !== null && left > 0)
      for (const each of Object.values(at)) look(each, left - 1);
  };
  look(value, depth);
  return [...found];
}
