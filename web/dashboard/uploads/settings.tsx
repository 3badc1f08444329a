/** How files are to be read where the service should not guess; for the next ones that are dropped. */
import type { JSX } from "preact";
import type { UploadSettings as Settings } from "../../../client/index.ts";
import { ProblemNote } from "../elements/basics.tsx";
import { withValue } from "../form/draft.ts";
import { useRequestSchema } from "../form/request-schema.ts";
import { SchemaFields, type FormContext } from "../form/schema-field.tsx";
import { uploadSettings } from "./uploads.ts";

export function UploadSettings(): JSX.Element {
  const schema = useRequestSchema("/v1/datasets", "multipart/form-data");
  const { value } = schema.value;
  const draft = uploadSettings.value;
  const form: FormContext = {
    all: value?.all ?? {},
    draft,
    complete: undefined,
    problems: [],
    peek: () => uploadSettings.peek(),
    change: (path, next) => {
      uploadSettings.value = withValue(uploadSettings.peek(), path, next) as Settings;
    },
  };
  const files = Object.entries(value?.root.properties ?? {}).flatMap(([name, { format }]) =>
    format === "binary" ? [name] : [],
  );
  const set = Object.keys(draft).length;
  return (
    <details class="upload-settings">
      <summary>
        How to read the next files
        {set > 0 ? <span class="status active">{set} set</span> : null}
      </summary>
      <p class="field-hint">
        Where nothing else is said, pictures of a folder that differ in size, or are larger, are fitted to at most
        64×64, and a fifth of each class is kept for the test, if no folder in it names a split.
      </p>
      <ProblemNote problem={schema.problem.value} />
      {value ? (
        <div class="settings-fields">
          <SchemaFields form={form} path={[]} schema={value.root} skip={files} />
        </div>
      ) : null}
    </details>
  );
}
