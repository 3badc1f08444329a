/** Text as `npm run format` would leave it: what programs write into the tree is formatted like the rest. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format, type FormatConfig } from "oxfmt";

/** `root`: the project's folder. `file` says by its ending what the text is. Throws where it cannot be parsed. */
export async function formatted({ root, file, text }: { root: string; file: string; text: string }): Promise<string> {
  const {
    ignorePatterns: _,
    $schema: __,
    ...options
  } = JSON.parse(readFileSync(join(root, ".oxfmtrc.json"), "utf8")) as FormatConfig & Record<string, unknown>;
  const { code, errors } = await format(file, text, options);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  return code;
}
