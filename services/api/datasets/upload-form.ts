/** The form of an upload: which files belong together, and fields as settings. */
import { uploadSettings, type UploadSettings } from "../../../schemas/dataset.ts";
import { Problem, invalid } from "../http/problem.ts";
import { parseOrThrow } from "../http/validation.ts";

export const fileFields = ["file", "images", "labels", "testImages", "testLabels"] as const;
export type FileField = (typeof fileFields)[number];

const jsonFields = new Set(["classes", "splits", "seed", "size"]);
const channelWords: Record<string, number> = { "1": 1, "3": 3, grey: 1, gray: 1, rgb: 3 };
const examples: Record<string, string> = {
  classes: '["cat","dog"]',
  splits: '{"validation":0.1,"test":0.1}',
  seed: "1",
  size: '28 or {"height":28,"width":28}',
};

function fieldValue(name: string, text: string): unknown {
  if (name === "channels") return channelWords[text.trim().toLowerCase()] ?? text;
  if (!jsonFields.has(name)) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(`/${name}`, `expected JSON such as ${examples[name]}, found ${JSON.stringify(text.slice(0, 60))}`);
  }
}

/** Throws a problem that names the field at fault. */
export function readSettings(fields: ReadonlyMap<string, string>): UploadSettings {
  const given = Object.fromEntries([...fields].map(([name, text]) => [name, fieldValue(name, text)]));
  const settings = parseOrThrow(uploadSettings, given);
  const twice = settings.classes?.find((name, at, all) => all.indexOf(name) !== at);
  if (twice !== undefined) throw invalid("/classes", `'${twice}' stands twice; expected every class once`);
  return settings;
}

export function checkFileField(name: string, sofar: readonly string[]): FileField {
  const field = fileFields.find((each) => each === name);
  if (!field)
    throw invalid(
      `/${name}`,
      `there is no file field '${name.slice(0, 60)}'; expected file, or images and labels (and testImages and testLabels) for IDX`,
    );
  if (sofar.includes(field))
    throw invalid(`/${field}`, "was sent twice; expected one file in each field: pack several into a ZIP or TAR");
  return field;
}

/** Either one archive or table, or IDX pairs. */
export function checkFiles(fields: readonly FileField[]): void {
  const has = (field: FileField): boolean => fields.includes(field);
  if (fields.length === 0)
    throw invalid(
      "/file",
      "is missing: expected an archive or a table as `file`, or an IDX pair as `images` and `labels`",
    );
  if (has("file") && fields.length > 1)
    throw invalid(
      "/file",
      `was sent together with ${fields.filter((each) => each !== "file").join(", ")}; expected either \`file\`, or \`images\` and \`labels\``,
    );
  if (has("file")) return;
  const missing = (["images", "labels"] as const).filter((each) => !has(each));
  if (has("testImages") !== has("testLabels")) missing.push((has("testImages") ? "testLabels" : "testImages") as never);
  if (missing.length > 0)
    throw new Problem({
      code: "invalid-request",
      detail: `missing: ${missing.join(", ")}; IDX files come in pairs`,
      errors: missing.map((each) => ({
        pointer: `/${each}`,
        detail: "is missing: IDX files come in pairs of images and labels",
      })),
    });
}
