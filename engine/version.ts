/** The engine's version: part of every receipt. It changes whenever the same request would give other bits. */
export const engineVersion = "3";
