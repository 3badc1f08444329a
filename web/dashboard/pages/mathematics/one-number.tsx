/** One number and the sum that made it: patch by patch, number by number. */
import type { ComponentChildren, JSX } from "preact";
import { useMemo } from "preact/hooks";
import { HeatMap, rangeOf } from "../../elements/heat-map.tsx";
import { count, figure } from "../../format.ts";
import { at, rowOf, type Inside, type Maps, type Node, type Place } from "../../mathematics/inside.ts";
import { traceBackward, traceForward, type Term, type Trace, type Way } from "../../mathematics/trace.ts";
import { setQuery } from "../../router.ts";
import { placeQuery } from "./looked-at.ts";
import { MapButton } from "./map-button.tsx";
import { nodeName } from "./tower.tsx";

/** Shown one by one; the smaller ones are added up. */
const fewTerms = 6;
/** Written out with their numbers. */
const fewNumbers = 36;

/** Colours so near the ends of the scale are dark. */
const darkShare = 0.7;

function Grid({ values, label }: { values: number[][]; label: string }): JSX.Element {
  const range = rangeOf(values);
  const reach = Math.max(Math.abs(range[0]), Math.abs(range[1])) || 1;
  const columns = values[0]?.length ?? 0;
  const numbers = values.length * columns;
  const form = numbers === 1 ? "single" : columns === 1 ? "line" : "";
  return (
    <div class={`patch ${form}`}>
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
  /** The maps that are read, and whose they are: a layer, or the input. */
  maps: Maps;
  reads: Node | undefined;
  /** "x" or "δ": what is read. */
  letter: string;
  /** "k", "W", …: what it is multiplied by. */
  weight: string;
}

/** Goes to the number that was read. */
const follow = (node: Node | undefined, { map, row, column }: Place): void =>
  setQuery({ ...placeQuery(node), map: String(map), row: String(row), column: String(column) });

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

/** What the numbers beside x or δ are, by what lies between. */
const weightNames: Record<Way["by"], string> = {
  convolution: "k",
  subsampling: "weight in its block",
  dense: "W",
  "batch-normalisation": "γ / √(σ² + ε)",
  dropout: "1",
  residual: "1",
  identity: "1",
  projection: "s",
};

const Line = ({ term, children }: { term: string; children: ComponentChildren }): JSX.Element => (
  <div>
    <dt>{term}</dt>
    <dd>{children}</dd>
  </div>
);

/** What becomes of the terms of the only way that there is. */
function OneWay({ of: { terms, scale, bias, sum }, isForward }: { of: Way; isForward: boolean }): JSX.Element {
  const all = terms.reduce((total, term) => total + term.sum, 0);
  return (
    <>
      <Line term="Σ">{figure(all, 5)}</Line>
      {scale === 1 ? null : (
        <Line term="β · Σ">
          {figure(scale, 4)} · {figure(all, 4)} = {figure(scale * all, 5)}
        </Line>
      )}
      {isForward ? (
        <Line term={`u = ${scale === 1 ? "Σ" : "β · Σ"} + b`}>
          {figure(scale * all, 4)} + {figure(bias, 4)} = {figure(sum, 5)}
        </Line>
      ) : null}
    </>
  );
}

/** Through the layers of a block and past them, and both together. */
function TwoWays({ trace: { ways, sum }, isForward }: { trace: Trace; isForward: boolean }): JSX.Element {
  return (
    <>
      {ways.map((each, at) => (
        <Line key={at} term={wayTitle(each, isForward)}>
          {each.bias === 0 ? "" : `${figure(each.sum - each.bias, 4)} + ${figure(each.bias, 4)} = `}
          {figure(each.sum, 5)}
        </Line>
      ))}
      <Line term={isForward ? "u, both together" : "both together"}>
        {ways.map((each) => figure(each.sum, 4)).join(" + ")} = {figure(sum, 5)}
      </Line>
    </>
  );
}

/** The last lines: what becomes of the sum. */
function Outcome({ trace, recorded, isForward }: { trace: Trace; recorded: number; isForward: boolean }): JSX.Element {
  const { ways, slope, result } = trace;
  return (
    <dl class="outcome">
      {ways.length > 1 ? (
        <TwoWays trace={trace} isForward={isForward} />
      ) : (
        <OneWay of={ways[0]} isForward={isForward} />
      )}
      {isForward ? null : <Line term="f′(u)">{figure(slope, 4)}</Line>}
      <div class="outcome-last">
        <dt>
          {isForward
            ? result === null
              ? "x = softmax(u)"
              : "x = f(u)"
            : `δ = f′(u) · ${ways.length > 1 ? "both" : "Σ"}`}
        </dt>
        <dd>{figure(result ?? recorded, 5)}</dd>
      </div>
      <Line term="the engine has">{figure(recorded, 5)}</Line>
    </dl>
  );
}

const isPast = ({ by }: Way): boolean => by === "identity" || by === "projection";

/** Which of a block's two ways it is. */
function wayTitle(way: Way, isForward: boolean): string {
  const how = way.by === "projection" ? ", by a 1×1 convolution" : "";
  if (isForward) return isPast(way) ? `past the block's layers${how}` : "through the block's layers, F(x)";
  return isPast(way) ? `past the block's layers${how}` : "through the block's layers";
}

interface Props {
  inside: Inside;
  /** Of the node that is looked at; −1: the input. */
  node: number;
  place: Place;
}

function Ways({ inside, trace, isForward }: { inside: Inside; trace: Trace; isForward: boolean }): JSX.Element {
  const { ways } = trace;
  return (
    <>
      {ways.map((way, at) => {
        const read = rowOf(inside, way.reads);
        return (
          <div key={at} class="way-of-sum">
            {ways.length > 1 ? (
              <h4>
                {wayTitle(way, isForward)}: from {nodeName(inside.nodes[way.reads])}
              </h4>
            ) : null}
            {way.terms.length === 0 ? (
              <p class="soft">Nothing on this way reads the pixel.</p>
            ) : (
              <Terms
                terms={way.terms}
                maps={isForward ? read.values : read.sensitivities}
                reads={inside.nodes[way.reads]}
                letter={isForward ? "x" : "δ"}
                weight={weightNames[way.by]}
              />
            )}
          </div>
        );
      })}
    </>
  );
}

function Traced(props: Props & { isForward: boolean }): JSX.Element {
  const { inside, node, place, isForward } = props;
  const trace = useMemo(
    () => (isForward ? traceForward : traceBackward)(inside, node, place),
    [inside, node, place.map, place.row, place.column, isForward],
  );
  if (trace === null)
    return (
      <p class="soft">
        {isForward
          ? "The input comes from the sample itself: less the mean of its channel, over the deviation."
          : "The last layer has its δ from the loss: what it answered, less what it should have."}
      </p>
    );
  if (trace.ways.every(({ terms }) => terms.length === 0))
    return <p class="soft">Nothing above reads this pixel: it fills no block, or no filter reaches it. Its δ is 0.</p>;
  const row = rowOf(inside, node);
  return (
    <>
      <Ways inside={inside} trace={trace} isForward={isForward} />
      <Outcome trace={trace} recorded={at(isForward ? row.values : row.sensitivities, place)} isForward={isForward} />
    </>
  );
}

export const OneNumber = ({ inside, node, place }: Props): JSX.Element => {
  const own = inside.nodes[node];
  const above = inside.nodes[node + 1];
  const isSplit = inside.nodes.some(({ shortcut }) => shortcut?.from === node);
  return (
    <div class="one-number">
      <section>
        <h3>x came up{own ? (own.shortcut ? " by two ways" : ` from ${nodeName(inside.nodes[own.from])}`) : ""}</h3>
        <Traced inside={inside} node={node} place={place} isForward />
      </section>
      <section>
        <h3>δ came down{isSplit ? " by two ways" : above ? ` from ${nodeName(above)}` : ""}</h3>
        <Traced inside={inside} node={node} place={place} isForward={false} />
      </section>
    </div>
  );
};
