/** A field of a request, whatever its kind, made from what the interface says of it. */
import type { JSX } from "preact";
import { useEdited } from "../elements/edited.ts";
import { Field, type ControlAttributes } from "../elements/field.tsx";
import { equal, pointerOf, valueAt, withValue, type Path } from "./draft.ts";
import { resolved, spoken, variantsOf, type Schema, type Schemas } from "./schema.ts";

export interface FormContext {
  all: Schemas;
  /** What was written so far. */
  draft: unknown;
  /** The same at this moment: what a hand does may come before the page is drawn again. */
  peek: () => unknown;
  /** The request as it would be run, with every default; undefined until the service has said. */
  complete: unknown;
  problems: readonly { pointer: string; detail: string }[];
  change: (path: Path, value: unknown) => void;
  /** In rows of a table words would be too many: they stand behind the label instead. */
  isTerse?: boolean;
}

export interface SchemaFieldProps {
  form: FormContext;
  path: Path;
  schema: Schema;
  label?: string;
  /** The choice alone: the fields of what is chosen stand elsewhere. */
  isShallow?: boolean;
}

/** What is written, or else what would be taken. */
function shownAt({ draft, complete }: FormContext, path: Path, schema: Schema): unknown {
  const own = valueAt(draft, path);
  if (own !== undefined) return own;
  const taken = valueAt(complete, path);
  return taken === undefined ? schema.default : taken;
}

const problemAt = ({ problems }: FormContext, path: Path): string | undefined =>
  problems.find(({ pointer }) => pointer === pointerOf(path))?.detail;

type InputProps = SchemaFieldProps & { attributes: ControlAttributes; shown: unknown };

function NumberInput({ attributes, shown, schema, form, path }: InputProps): JSX.Element {
  const isNullable = variantsOf(schema, form.all).some(({ label }) => label === "none");
  const { type, minimum, maximum } = variantsOf(schema, form.all).find((each) => each.schema.type)?.schema ?? schema;
  const edited = useEdited({
    shown: typeof shown === "number" ? String(shown) : "",
    commit: (text) => {
      const none = isNullable && schema.default !== null ? null : undefined;
      form.change(path, text === "" ? none : Number(text));
      return null;
    },
  });
  return (
    <input
      {...attributes}
      {...edited}
      type="number"
      step={type === "integer" ? 1 : "any"}
      min={minimum}
      max={maximum}
    />
  );
}

function JsonInput({ attributes, shown, form, path }: InputProps): JSX.Element {
  const edited = useEdited({
    shown: shown === undefined ? "" : JSON.stringify(shown),
    commit: (text) => {
      let value: unknown;
      try {
        value = text.trim() === "" ? undefined : (JSON.parse(text) as unknown);
      } catch {
        return "This is no JSON.";
      }
      form.change(path, value);
      return null;
    },
  });
  return <textarea {...attributes} {...edited} rows={3} spellcheck={false} />;
}

function TextInput({ attributes, shown, form, path }: InputProps): JSX.Element {
  const edited = useEdited({
    shown: typeof shown === "string" ? shown : "",
    commit: (text) => {
      form.change(path, text === "" ? undefined : text);
      return null;
    },
  });
  return <input {...attributes} {...edited} type="text" />;
}

function SelectInput({ attributes, shown, schema, form, path }: InputProps): JSX.Element {
  const variants = variantsOf(schema, form.all);
  const at = variants.findIndex(({ matches }) => matches(shown));
  return (
    <select
      {...attributes}
      value={String(at)}
      onChange={({ currentTarget }) => form.change(path, variants[Number(currentTarget.value)]?.initial)}
    >
      {at < 0 || schema.default === undefined ? <option value="-1">as it comes</option> : null}
      {variants.map(({ label }, index) => (
        <option key={label} value={String(index)}>
          {label}
        </option>
      ))}
    </select>
  );
}

function Checkbox({ form, path, schema, label }: SchemaFieldProps & { label: string }): JSX.Element {
  return (
    <label class="check" title={form.isTerse ? schema.description : undefined}>
      <input
        type="checkbox"
        checked={shownAt(form, path, schema) === true}
        onChange={({ currentTarget }) => form.change(path, currentTarget.checked)}
      />
      <span>
        {label}
        {form.isTerse || schema.description === undefined ? null : (
          <span class="field-hint check-hint">{schema.description}</span>
        )}
      </span>
    </label>
  );
}

/** The fields of an object, those that are fixed left out. */
export function SchemaFields({
  form,
  path,
  schema,
  skip = [],
}: SchemaFieldProps & { skip?: readonly string[] }): JSX.Element {
  const fields = Object.entries(schema.properties ?? {}).filter(
    ([name, each]) => !skip.includes(name) && resolved(each, form.all).const === undefined,
  );
  return (
    <>
      {fields.map(([name, each]) => (
        <SchemaField key={name} form={form} path={[...path, name]} schema={each} />
      ))}
    </>
  );
}

/** A choice whose chosen variant has fields of its own. */
function Nested({ form, path, schema }: SchemaFieldProps): JSX.Element | null {
  const shown = shownAt(form, path, schema);
  const variant = variantsOf(schema, form.all).find(({ matches }) => matches(shown));
  if (!variant) return null;
  // A choice is given as a whole: with its first field that is changed the others are written out.
  const change: FormContext["change"] = (at, value) =>
    valueAt(form.peek(), path) === undefined
      ? form.change(path, withValue(shown, at.slice(path.length), value))
      : form.change(at, value);
  const inner = { ...form, change };
  if (variant.schema.properties) {
    const named = Object.values(variant.schema.properties).some((each) => resolved(each, form.all).const === undefined);
    return named ? (
      <div class="nested">
        <SchemaFields form={inner} path={path} schema={variant.schema} />
      </div>
    ) : null;
  }
  if (variant.schema.type === undefined) return null;
  return (
    <div class="nested">
      <SchemaField form={form} path={path} schema={variant.schema} label={variant.label} />
    </div>
  );
}

function isNumber(schema: Schema, all: Schemas): boolean {
  const kinds = variantsOf(schema, all).filter(({ label }) => label !== "none");
  return kinds.length === 1 && (kinds[0]?.schema.type === "number" || kinds[0]?.schema.type === "integer");
}

function isText(schema: Schema, all: Schemas): boolean {
  const kinds = variantsOf(schema, all).filter(({ label }) => label !== "none");
  return kinds.length === 1 && kinds[0]?.schema.type === "string";
}

export function SchemaField({ form, path, schema: given, label: said, isShallow }: SchemaFieldProps): JSX.Element {
  const schema = resolved(given, form.all);
  const label = said ?? spoken(String(path.at(-1)));
  if (schema.type === "boolean") return <Checkbox form={form} path={path} schema={schema} label={label} />;
  if (schema.properties)
    return (
      <fieldset class="group">
        <legend>{label}</legend>
        <SchemaFields form={form} path={path} schema={schema} />
      </fieldset>
    );
  const shown = shownAt(form, path, schema);
  const Input = isNumber(schema, form.all)
    ? NumberInput
    : isText(schema, form.all)
      ? TextInput
      : schema.anyOf || schema.oneOf || schema.enum
        ? SelectInput
        : JsonInput;
  const own = valueAt(form.draft, path);
  const isChanged = own !== undefined && !equal(own, schema.default);
  return (
    <>
      <Field
        label={label}
        hint={form.isTerse ? undefined : schema.description}
        problem={problemAt(form, path)}
        class={isChanged ? "changed" : ""}
      >
        {(attributes) => (
          <Input
            form={form}
            path={path}
            schema={schema}
            shown={shown}
            attributes={form.isTerse && schema.description ? { ...attributes, title: schema.description } : attributes}
          />
        )}
      </Field>
      {Input === SelectInput && !isShallow ? <Nested form={form} path={path} schema={schema} /> : null}
    </>
  );
}
