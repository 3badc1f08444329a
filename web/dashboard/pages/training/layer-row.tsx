/** One layer of the editor: its kind, its fields, what it makes and costs, and what is wrong with it. */
import type { ComponentChildren, JSX } from "preact";
import type { Estimate } from "../../../../schemas/estimate.ts";
import { count, shapeOf, short } from "../../format.ts";
import { valueAt, type Path } from "../../form/draft.ts";
import { SchemaFields, type FormContext } from "../../form/schema-field.tsx";
import type { Variant } from "../../form/schema.ts";

export type CostRow = Omit<Estimate["layers"][number], "layers">;
export type Layer = Readonly<Record<string, unknown>>;

/** The layers that stand at a path; none where there is no list. */
export function listAt(draft: unknown, path: Path): readonly Layer[] {
  const layers = valueAt(draft, path);
  return Array.isArray(layers) ? (layers as readonly Layer[]) : [];
}

/** The same as they are at this moment. */
export const layersAt = (form: FormContext, path: Path): readonly Layer[] => listAt(form.peek(), path);

/** What stands in the row itself; the rest is folded away. */
const rare = ["learningRate", "initialiser", "inputs", "shortcut", "momentum", "epsilon", "layers"];

const Costs = ({ row }: { row: CostRow | undefined }): JSX.Element => (
  <dl class="layer-costs">
    <div>
      <dt>makes</dt>
      <dd>{row ? shapeOf(row.output) : "–"}</dd>
    </div>
    <div>
      <dt>parameters</dt>
      <dd>{row ? count(row.parameters) : "–"}</dd>
    </div>
    <div>
      <dt>FLOPs</dt>
      <dd>{row ? short(row.flops) : "–"}</dd>
    </div>
  </dl>
);

/** What is wrong with a layer: each at its field, by the end of its pointer. */
function problemsOf({ problems }: FormContext, at: string): readonly string[] {
  return problems.flatMap(({ pointer, detail }) => {
    if (pointer === at) return [detail];
    return pointer.startsWith(`${at}/`) ? [`${pointer.slice(at.length + 1)}: ${detail}`] : [];
  });
}

interface ButtonsProps {
  at: number;
  layers: readonly Layer[];
  change: (how: (layers: readonly Layer[]) => readonly Layer[]) => void;
}

function Buttons({ at, layers, change }: ButtonsProps): JSX.Element {
  const swap = (by: number): void =>
    change((now) => {
      const next = [...now];
      [next[at], next[at + by]] = [next[at + by], next[at]];
      return next;
    });
  return (
    <span class="layer-buttons">
      <button
        type="button"
        class="small"
        aria-label={`Move layer ${at} up`}
        disabled={at === 0}
        onClick={() => swap(-1)}
      >
        ↑
      </button>
      <button
        type="button"
        class="small"
        aria-label={`Move layer ${at} down`}
        disabled={at === layers.length - 1}
        onClick={() => swap(1)}
      >
        ↓
      </button>
      <button
        type="button"
        class="small danger"
        aria-label={`Remove layer ${at}`}
        disabled={layers.length === 1}
        onClick={() => change((now) => now.filter((_, index) => index !== at))}
      >
        ×
      </button>
    </span>
  );
}

function Fields({
  form,
  path,
  variant,
  at,
}: {
  form: FormContext;
  path: Path;
  variant: Variant;
  at: number;
}): JSX.Element {
  const usual = Object.keys(variant.schema.properties ?? {}).filter((name) => !rare.includes(name));
  return (
    <>
      <div class="layer-fields">
        <SchemaFields form={form} path={path} schema={variant.schema} skip={rare} />
      </div>
      <details class="layer-more">
        <summary>More of layer {at}</summary>
        <div class="layer-fields">
          <SchemaFields form={form} path={path} schema={variant.schema} skip={[...usual, "layers"]} />
        </div>
      </details>
    </>
  );
}

export interface LayerRowProps {
  form: FormContext;
  /** Of the list. */
  path: Path;
  layers: readonly Layer[];
  at: number;
  row: CostRow | undefined;
  /** Whether the service says what layers cost. */
  hasCosts: boolean;
  kinds: readonly Variant[];
  /** The layers inside a residual block. */
  children: ComponentChildren;
}

export function LayerRow({ form, path, layers, at, row, hasCosts, kinds, children }: LayerRowProps): JSX.Element {
  const own = [...path, at];
  const variant = kinds.find(({ matches }) => matches(layers[at]));
  const problems = problemsOf(form, `/${own.join("/")}`);
  const change: ButtonsProps["change"] = (how) => form.change(path, how(layersAt(form, path)));
  const become = (kind: string): void => {
    const initial = kinds.find(({ label }) => label === kind)?.initial;
    if (initial !== undefined) form.change(own, initial);
  };
  return (
    <li class={problems.length > 0 ? "layer wrong" : "layer"}>
      <div class="layer-top">
        <span class="layer-number">{at}</span>
        <select
          aria-label={`Kind of layer ${at}`}
          value={variant?.label ?? ""}
          onChange={({ currentTarget }) => become(currentTarget.value)}
        >
          {kinds.map(({ label }) => (
            <option key={label}>{label}</option>
          ))}
        </select>
        {hasCosts ? <Costs row={row} /> : <span class="layer-costs" />}
        <Buttons at={at} layers={layers} change={change} />
      </div>
      {variant ? <Fields form={form} path={own} variant={variant} at={at} /> : null}
      {children}
      {problems.map((each) => (
        <p key={each} class="field-problem" role="alert">
          {each}
        </p>
      ))}
    </li>
  );
}
