/** Base64 as people send it: standard or URL-safe, wrapped in lines, padded or not, or within a data: URL. */

const dataUrl = /^\s*data:[^,]{0,200};base64,/i;

/** The bytes; null for what is not Base64. */
export function fromBase64(text: string): Buffer | null {
  const plain = text.replace(dataUrl, "").replace(/\s+/g, "");
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(plain) ? Buffer.from(plain, "base64") : null;
}
