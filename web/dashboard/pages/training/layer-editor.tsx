/** The layers in order: to look at, or one's own to change. */
import type { JSX } from "preact";
import type { Estimate } from "../../../../schemas/estimate.ts";
import { count, shapeOf, short } from "../../format.ts";
import { valueAt, type Path } from "../../form/draft.ts";
import type { FormContext } from "../../form/schema-field.tsx";
import { variantsOf, type Schemas, type Variant } from "../../form/schema.ts";
import { LayerRow, layersAt, listAt, type CostRow, type Layer } from "./layer-row.tsx";

interface ListProps {
  form: FormContext;
  path: Path;
  layers: readonly Layer[];
  /** What each makes and costs, where the service has said so. */
  rows?: readonly (CostRow & { layers?: readonly CostRow[] | undefined })[] | undefined;
  /** Whether the service will say so. */
  hasCosts?: boolean;
  kinds: readonly Variant[];
}

/** Every kind of layer that there is. */
export const layerKinds = (all: Schemas): readonly Variant[] =>
  variantsOf(all["LayerInput"] ?? all["Layer"] ?? {}, all);

export function LayerList({ form, path, layers, rows, hasCosts = false, kinds }: ListProps): JSX.Element {
  return (
    <div class="layer-list">
      <ol class="plain-list">
        {layers.map((layer, at) => {
          const inner = valueAt(layer, ["layers"]);
          return (
            <LayerRow
              key={at}
              form={form}
              path={path}
              layers={layers}
              at={at}
              row={rows?.[at]}
              hasCosts={hasCosts}
              kinds={kinds}
            >
              {Array.isArray(inner) ? (
                <LayerList
                  form={form}
                  path={[...path, at, "layers"]}
                  layers={inner}
                  rows={rows?.[at]?.layers}
                  hasCosts={hasCosts}
                  kinds={kinds.filter(({ label }) => label !== "residual")}
                />
              ) : null}
            </LayerRow>
          );
        })}
      </ol>
      <div class="actions">
        {kinds.map(({ label, initial }) => (
          <button
            key={label}
            type="button"
            class="small"
            onClick={() => {
              const now = layersAt(form, path);
              form.change(path, [...now.slice(0, -1), initial, ...now.slice(-1)]);
            }}
          >
            + {label}
          </button>
        ))}
      </div>
    </div>
  );
}

/** "6 maps, 5×5, tanh" */
function describe(layer: Estimate["request"]["network"]["layers"][number]): string {
  const activation = "activation" in layer && layer.activation !== "linear" ? [layer.activation] : [];
  switch (layer.kind) {
    case "convolution": {
      const { maps, size, stride } = layer;
      return [`${maps} maps`, `${size}×${size}`, ...(stride === 1 ? [] : [`stride ${stride}`]), ...activation].join(
        ", ",
      );
    }
    case "subsampling": {
      const block = layer.factor === "all" ? "the whole map" : `${layer.factor}×${layer.factor}`;
      return [`${layer.reduce} of ${block}`, ...activation].join(", ");
    }
    case "dense":
      return [`${layer.units} units`, ...activation].join(", ");
    case "dropout":
      return `rate ${layer.rate}`;
    case "batch-normalisation":
      return activation.join(", ");
    case "residual":
      return [`${layer.layers.length} layers inside`, ...activation].join(", ");
  }
}

/** As it would be, for looking. */
function Shown({ estimate, takeOver }: { estimate: Estimate; takeOver: () => void }): JSX.Element {
  const { layers } = estimate.request.network;
  return (
    <>
      <div class="scroll-x shown-layers" tabIndex={0} role="group" aria-label="Layers">
        <table>
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col">What it is</th>
              <th scope="col" class="number">
                Makes
              </th>
              <th scope="col" class="number">
                Parameters
              </th>
              <th scope="col" class="number">
                FLOPs
              </th>
            </tr>
          </thead>
          <tbody>
            {estimate.layers.map((row, at) => (
              <tr key={at}>
                <td>
                  {at} {row.kind}
                </td>
                <td class="soft">{describe(layers[at])}</td>
                <td class="number">{shapeOf(row.output)}</td>
                <td class="number">{count(row.parameters)}</td>
                <td class="number">{short(row.flops)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <button type="button" class="small" onClick={takeOver}>
        Change these layers
      </button>
    </>
  );
}

interface LayerEditorProps {
  form: FormContext;
  isOwn: boolean;
  estimate: Estimate | null;
  takeOver: () => void;
}

export function LayerEditor({ form, isOwn, estimate, takeOver }: LayerEditorProps): JSX.Element | null {
  if (!isOwn) return estimate ? <Shown estimate={estimate} takeOver={takeOver} /> : null;
  return (
    <LayerList
      form={form}
      path={["network", "layers"]}
      layers={listAt(form.draft, ["network", "layers"])}
      rows={estimate?.layers}
      hasCosts
      kinds={layerKinds(form.all)}
    />
  );
}
