/** Files of this folder's own that exports are made of. */
import { readFile } from "node:fs/promises";

const here = new URL(import.meta.url);

/** A file beside this one: it stands in dist/ as it does among the sources. */
export const beside = (name: string): Promise<string> => readFile(new URL(name, here), "utf8");

/** The page that `npm run build` made; from the sources as from dist/ it is the one in dist/. */
export const builtPage = (): Promise<string> =>
  readFile(
    new URL(here.pathname.endsWith(".ts") ? "../../../../dist/web/export.html" : "../../../../web/export.html", here),
    "utf8",
  );
