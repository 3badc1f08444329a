/**
 * What JSON.parse does not say: whether an object names a key twice (it silently keeps the last one). Used where a file
 * comes from others. Expects text that JSON.parse has accepted; never builds the value itself.
 */

const quote = 34;
const backslash = 92;
const openObject = 123;
const closeObject = 125;
const openArray = 91;
const closeArray = 93;
const colon = 58;

/** Index of the closing quote of the string that opens at `from`. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === backslash ? 2 : 1;
  return at;
}

/** The first key that stands twice in one object of a valid JSON text, or null. */
export function duplicateKey(text: string): string | null {
  /** Keys of the objects that are open; null for an array. */
  const open: (Set<string> | null)[] = [];
  let lastString = "";
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const end = endOfString(text, at);
        lastString = text.slice(at, end + 1);
        at = end;
        break;
      }
      case openObject:
        open.push(new Set());
        break;
      case openArray:
        open.push(null);
        break;
      case closeObject:
      case closeArray:
        open.pop();
        break;
      case colon: {
        const key = JSON.parse(lastString) as string;
        const keys = open.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
        break;
      }
    }
  }
  return null;
}
