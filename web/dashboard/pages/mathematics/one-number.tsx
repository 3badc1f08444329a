/** One number and the sum that made it: patch by patch, number by number. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { HeatMap, rangeOf } from "../../elements/heat-map.tsx";
import { count, figure } from "../../format.ts";
import { at, rowOf, type Inside, type Maps, type Place } from "../../mathematics/inside.ts";
import { traceBackward, traceForward, type Term, type Trace } from "../../mathematics/trace.ts";
import { setQuery } from "../../router.ts";
import { MapButton } from "./map-button.tsx";

/** Shown one by one; the smaller ones are added up. */
const fewTerms = 6;
/** Written out with their numbers. */
const fewNumbers = 36;

/** Colours so near the ends of the scale are dark. */
const darkShare = 0.7;

function Grid({ values, label }: { values: number[][]; label: string }): JSX.Element {
  const range = rangeOf(values);
  const reach = Math.max(Math.abs(range[0]), Math.abs(range[1])) || 1;
  const numbers = values.length * (values[0]?.length ?? 0);
  return (
    <div class={numbers === 1 ? "patch single" : "patch"}>
      <HeatMap values={values} label={label} signed range={range} />
      {numbers <= fewNumbers ? (
        <table class="patch-numbers">
          <tbody>
            {values.map((line, row) => (
              <tr key={row}>
                {line.map((value, column) => (
                  <td key={column} class={Math.abs(value) / reach > darkShare ? "on-dark" : undefined}>
                    {figure(value, 2)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </div>
  );
}

interface Named {
  /** The maps that are read, and their layer. */
  maps: Maps;
  reads: number;
  /** "x" or "δ": what is read. */
  letter: string;
  /** "k", "W", …: what it is multiplied by. */
  weight: string;
}

/** Goes to the number that was read. */
const follow = (layer: number, { map, row, column }: Place): void =>
  setQuery({ layer: String(layer), map: String(map), row: String(row), column: String(column) });

/** The map that was read, with a frame around the patch. */
function Whence({ term, maps, reads, letter }: { term: Term } & Named): JSX.Element {
  const { map, row, column } = term.from;
  const values = maps[map];
  return (
    <div class="whence">
      <MapButton
        values={values}
        label={`${letter} of map ${map}: go there`}
        signed
        range={rangeOf(values)}
        mark={{ row, column, height: term.values.length, width: term.values[0]?.length ?? 1 }}
        choose={(at) => follow(reads, { map, ...at })}
      />
    </div>
  );
}

const TermRow = ({ term, letter, weight, ...read }: { term: Term } & Named): JSX.Element => (
  <li class="term">
    <div>
      <p class="term-name">map {term.from.map}</p>
      <Whence term={term} letter={letter} weight={weight} {...read} />
    </div>
    <div>
      <p class="term-name">{letter}</p>
      <Grid values={term.values} label={`${letter} of map ${term.from.map}`} />
    </div>
    <span class="term-sign" aria-hidden="true">
      ·
    </span>
    <div>
      <p class="term-name">{weight}</p>
      <Grid values={term.weights} label={weight} />
    </div>
    <p class="term-sum">
      <span aria-hidden="true">=</span> {figure(term.sum, 4)}
    </p>
  </li>
);

function Terms({ terms, ...named }: { terms: readonly Term[] } & Named): JSX.Element {
  const ordered = useMemo(() => [...terms].sort((one, other) => Math.abs(other.sum) - Math.abs(one.sum)), [terms]);
  const rest = ordered.slice(fewTerms);
  return (
    <>
      <ol class="plain-list terms">
        {ordered.slice(0, fewTerms).map((term) => (
          <TermRow key={`${term.from.map} ${term.from.row} ${term.from.column}`} term={term} {...named} />
        ))}
      </ol>
      {rest.length > 0 ? (
        <p class="soft">
          and {count(rest.length)} smaller {rest.length === 1 ? "one" : "ones"}, together{" "}
          {figure(
            rest.reduce((sum, each) => sum + each.sum, 0),
            4,
          )}
        </p>
      ) : null}
    </>
  );
}

/** What the numbers beside x or δ are, by the kind of layer that holds them. */
const weightNames: Record<string, string> = {
  convolution: "k",
  subsampling: "weight in its block",
  dense: "W",
  "batch-normalisation": "γ / √(σ² + ε)",
  dropout: "1",
};

/** The last lines: what becomes of the sum. */
function Outcome({ trace, recorded, isForward }: { trace: Trace; recorded: number; isForward: boolean }): JSX.Element {
  const { terms, scale, bias, sum, slope, result } = trace;
  const all = terms.reduce((total, term) => total + term.sum, 0);
  return (
    <dl class="outcome">
      <div>
        <dt>Σ</dt>
        <dd>{figure(all, 5)}</dd>
      </div>
      {scale === 1 ? null : (
        <div>
          <dt>β · Σ</dt>
          <dd>
            {figure(scale, 4)} · {figure(all, 4)} = {figure(scale * all, 5)}
          </dd>
        </div>
      )}
      {isForward ? (
        <div>
          <dt>u = {scale === 1 ? "Σ" : "β · Σ"} + b</dt>
          <dd>
            {figure(scale * all, 4)} + {figure(bias, 4)} = {figure(sum, 5)}
          </dd>
        </div>
      ) : (
        <div>
          <dt>f′(u)</dt>
          <dd>{figure(slope, 4)}</dd>
        </div>
      )}
      <div class="outcome-last">
        <dt>{isForward ? (result === null ? "x = softmax(u)" : "x = f(u)") : "δ = f′(u) · Σ"}</dt>
        <dd>{figure(result ?? recorded, 5)}</dd>
      </div>
      <div>
        <dt>the engine has</dt>
        <dd>{figure(recorded, 5)}</dd>
      </div>
    </dl>
  );
}

interface Props {
  inside: Inside;
  layer: number;
  place: Place;
}

function Traced(props: Props & { isForward: boolean }): JSX.Element {
  const { inside, layer, place, isForward } = props;
  const trace = useMemo(
    () => (isForward ? traceForward : traceBackward)(inside, layer, place),
    [inside, layer, place.map, place.row, place.column, isForward],
  );
  const row = rowOf(inside, layer);
  if (trace === null)
    return (
      <p class="soft">
        {isForward
          ? layer < 0
            ? "The input comes from the sample itself: less the mean of its channel, over the deviation."
            : "A residual block adds what its own layers made to what came in."
          : layer === inside.layers.length - 1
            ? "The last layer has its δ from the loss: what it answered, less what it should have."
            : "What comes down here went past a residual block and through its layers."}
      </p>
    );
  if (trace.terms.length === 0)
    return <p class="soft">Nothing above reads this pixel: it fills no block, or no filter reaches it. Its δ is 0.</p>;
  const source = rowOf(inside, trace.reads);
  const kind = isForward ? row.kind : source.kind;
  return (
    <>
      <Terms
        terms={trace.terms}
        maps={isForward ? source.values : source.sensitivities}
        reads={trace.reads}
        letter={isForward ? "x" : "δ"}
        weight={weightNames[kind] ?? "weight"}
      />
      <Outcome trace={trace} recorded={at(isForward ? row.values : row.sensitivities, place)} isForward={isForward} />
    </>
  );
}

export const OneNumber = ({ inside, layer, place }: Props): JSX.Element => {
  const from = layer < 0 ? "" : ` from layer ${layer - 1 < 0 ? "x⁰" : layer - 1}`;
  return (
    <div class="one-number">
      <section>
        <h3>x came up{from}</h3>
        <Traced inside={inside} layer={layer} place={place} isForward />
      </section>
      <section>
        <h3>δ came down{layer + 1 < inside.layers.length ? ` from layer ${layer + 1}` : ""}</h3>
        <Traced inside={inside} layer={layer} place={place} isForward={false} />
      </section>
    </div>
  );
};
