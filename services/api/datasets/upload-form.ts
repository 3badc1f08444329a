/** The form of an upload: which files belong together, and fields as settings. */
import { uploadSettings, type UploadSettings } from "../../../schemas/dataset.ts";
import { Problem, invalid } from "../http/problem.ts";
import { parseOrThrow } from "../../shared/parse.ts";

export const fileFields = [
  "file",
  "validationFile",
  "testFile",
  "images",
  "labels",
  "testImages",
  "testLabels",
] as const;
export type FileField = (typeof fileFields)[number];

const jsonFields = new Set(["classes", "splits", "seed", "size"]);
/** Maps, not objects: `constructor` is no word of ours. */
const truths = new Map(Object.entries({ true: true, yes: true, "1": true, false: false, no: false, "0": false }));
const channelWords = new Map(Object.entries({ "1": 1, "3": 3, grey: 1, gray: 1, rgb: 3 }));
const examples: Record<string, string> = {
  classes: '["cat","dog"]',
  splits: '{"validation":0.1,"test":0.1}',
  seed: "1",
  size: '28 or {"height":28,"width":28}',
};

function fieldValue(name: string, text: string): unknown {
  const word = text.trim().toLowerCase();
  if (name === "channels") return channelWords.get(word) ?? text;
  if (name === "header") return truths.get(word) ?? text;
  if (name === "order" || name === "background" || name === "onError") return word;
  if (name === "labelColumn") return /^-?\d+$/.test(word) ? Number(word) : text;
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
      `there is no file field '${name.slice(0, 60)}'; expected file (and testFile, validationFile), or images and labels (and testImages and testLabels)`,
    );
  if (sofar.includes(field))
    throw invalid(
      `/${field}`,
      "was sent twice; expected one file in each field: send the test set as `testFile`, or pack several into a ZIP or TAR",
    );
  return field;
}

const beside: readonly FileField[] = ["validationFile", "testFile"];
const pairs: readonly (readonly [FileField, FileField])[] = [
  ["images", "labels"],
  ["testImages", "testLabels"],
];

/** Either one archive or table, perhaps with others for test and validation, or pairs of arrays. */
export function checkFiles(fields: readonly FileField[]): void {
  const has = (field: FileField): boolean => fields.includes(field);
  if (fields.length === 0)
    throw invalid(
      "/file",
      "is missing: expected an archive or a table as `file`, or a pair of arrays as `images` and `labels`",
    );
  const arrays = fields.filter((field) => field !== "file" && !beside.includes(field));
  if (has("file")) {
    if (arrays.length > 0)
      throw invalid(
        "/file",
        `was sent together with ${arrays.join(", ")}; expected either \`file\`, or \`images\` and \`labels\``,
      );
    return;
  }
  const alone = fields.find((field) => beside.includes(field));
  if (alone) throw invalid("/file", `is missing beside ${alone}: expected the training set as \`file\``);
  const missing = pairs.flatMap(([images, labels]) =>
    images === "images" || has(images) || has(labels) ? [images, labels].filter((field) => !has(field)) : [],
  );
  if (missing.length > 0)
    throw new Problem({
      code: "invalid-request",
      detail: `missing: ${missing.join(", ")}; IDX files come in pairs`,
      errors: missing.map((each) => ({
        pointer: `/${each}`,
        detail: "is missing: arrays come in pairs of samples and labels",
      })),
    });
}
