/** The filters of one map and, beside each, how this one sample would change it. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { HeatMap, Scale, rangeOf, type Numbers } from "../../elements/heat-map.tsx";
import { figure } from "../../format.ts";
import { alphaOf, betaOf, biasOf, filterOf, rowOf, type Inside, type Step } from "../../mathematics/inside.ts";
import type { ConvolutionLayer } from "../../../../schemas/layer.ts";
import { filterGradient } from "../../mathematics/trace.ts";

/** Pairs of one map that are shown. */
const fewPairs = 24;

interface Pair {
  input: number;
  filter: number[][];
  gradient: number[][];
}

/** One range around 0 for all. */
function sharedRange(of: readonly Numbers[]): readonly [number, number] {
  const reach = Math.max(0, ...of.map(rangeOf).flatMap(([least, most]) => [Math.abs(least), Math.abs(most)])) || 1;
  return [-reach, reach];
}

interface FiltersProps {
  inside: Inside;
  /** Place of the node whose u they give. */
  node: number;
  step: Step<ConvolutionLayer>;
  map: number;
}

function pairsOf({ inside, node, step, map }: FiltersProps): { pairs: Pair[]; more: number } {
  const inputs = Array.from({ length: rowOf(inside, step.from).shape.channels }, (_, input) => input);
  const connected = inputs.flatMap((input) => {
    const filter = filterOf(inside, step, { map, input });
    return filter ? [{ input, filter }] : [];
  });
  const shown = connected.slice(0, fewPairs);
  return {
    pairs: shown.map((each) => ({ ...each, gradient: filterGradient(inside, { step, node, map, input: each.input }) })),
    more: connected.length - shown.length,
  };
}

export function Filters(props: FiltersProps): JSX.Element {
  const { inside, node, step, map } = props;
  const { pairs, more } = useMemo(() => pairsOf(props), [inside, node, step, map]);
  const [ofFilters, ofGradients] = useMemo(
    () => [sharedRange(pairs.map(({ filter }) => filter)), sharedRange(pairs.map(({ gradient }) => gradient))],
    [pairs],
  );
  const alpha = useMemo(() => alphaOf(inside, step)?.[map], [inside, step, map]);
  return (
    <>
      <p class="soft">
        Of map {map}; its bias is {figure(biasOf(inside, step, map), 4)}
        {alpha ? ". The filters are shown times α, as the layer applies them" : ""}.
      </p>
      <ul class="plain-list filter-pairs">
        {pairs.map(({ input, filter, gradient }) => (
          <li key={input}>
            <p class="term-name">
              from {input}
              {alpha ? ` · α ${figure(alpha[input], 2)}` : ""}
            </p>
            <div class="filter-pair">
              <HeatMap values={filter} label={`filter from map ${input}`} signed range={ofFilters} />
              <HeatMap
                values={gradient}
                label={`gradient of the filter from map ${input}`}
                signed
                range={ofGradients}
              />
            </div>
          </li>
        ))}
      </ul>
      {more > 0 ? <p class="soft">and {more} more</p> : null}
      <div class="two-scales">
        <div>
          <p class="term-name">left: {alpha ? "α k" : "k"}</p>
          <Scale range={ofFilters} signed />
        </div>
        <div>
          <p class="term-name">right: ∂E/∂{alpha ? "(α k)" : "k"}</p>
          <Scale range={ofGradients} signed />
        </div>
      </div>
    </>
  );
}

/** β and b of a subsampling map. */
export const Factors = ({ inside, step, map }: { inside: Inside; step: Step; map: number }): JSX.Element => (
  <p>
    Map {map}: β = {figure(betaOf(inside, step, map), 4)}, b = {figure(biasOf(inside, step, map), 4)}
  </p>
);
