/** The filters of one map and, beside each, how this one sample would change it. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { HeatMap, Scale, rangeOf, type Numbers } from "../../elements/heat-map.tsx";
import { figure } from "../../format.ts";
import { alphaOf, betaOf, biasOf, filterOf, rowOf, type Inside } from "../../mathematics/inside.ts";
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

function pairsOf(inside: Inside, layer: number, map: number): { pairs: Pair[]; more: number } {
  const inputs = Array.from({ length: rowOf(inside, layer - 1).shape.channels }, (_, input) => input);
  const connected = inputs.flatMap((input) => {
    const filter = filterOf(inside, layer, { map, input });
    return filter ? [{ input, filter }] : [];
  });
  const shown = connected.slice(0, fewPairs);
  return {
    pairs: shown.map((each) => ({ ...each, gradient: filterGradient(inside, layer, { map, input: each.input }) })),
    more: connected.length - shown.length,
  };
}

export function Filters({ inside, layer, map }: { inside: Inside; layer: number; map: number }): JSX.Element {
  const { pairs, more } = useMemo(() => pairsOf(inside, layer, map), [inside, layer, map]);
  const [ofFilters, ofGradients] = useMemo(
    () => [sharedRange(pairs.map(({ filter }) => filter)), sharedRange(pairs.map(({ gradient }) => gradient))],
    [pairs],
  );
  const alpha = useMemo(() => alphaOf(inside, layer)?.[map], [inside, layer, map]);
  return (
    <>
      <p class="soft">
        Of map {map}; its bias is {figure(biasOf(inside, layer, map), 4)}
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
export const Factors = ({ inside, layer, map }: { inside: Inside; layer: number; map: number }): JSX.Element => (
  <p>
    Map {map}: β = {figure(betaOf(inside, layer, map), 4)}, b = {figure(biasOf(inside, layer, map), 4)}
  </p>
);
