/** 128 random bits as text. Not crypto.randomUUID: pages that come over plain HTTP do not have it. */
export const randomName = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
