import { fileURLToPath } from "node:url";

/** Of the clone, with a slash at its end: from dist/cli as from cli. */
export const root = fileURLToPath(new URL(import.meta.url.includes("/dist/cli/") ? "../../" : "../", import.meta.url));
