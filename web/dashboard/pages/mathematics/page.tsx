/**
 * The mathematics: one sample through one model, forward and backward, layer by layer, in the words of the notes, and
 * every number with the sum that made it.
 */
import type { ComponentChildren, JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { ConvolutionLayer } from "../../../../schemas/layer.ts";
import type { Model } from "../../../../schemas/model.ts";
import { PageHead, ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { figure, percent, shapeOf } from "../../format.ts";
import { at, numberOf, rowOf, type Inside, type Node, type Place, type Step } from "../../mathematics/inside.ts";
import { place as address, setQuery, withQuery, type PageProps } from "../../router.ts";
import { service } from "../../service.ts";
import { useLast, useResource } from "../../store/resource.ts";
import { AlphaByEpoch } from "./alpha-by-epoch.tsx";
import { backwardOf, forwardOf, gradientOf, isCombination } from "./equations.ts";
import { Factors, Filters } from "./filters.tsx";
import { Formula } from "./formula.tsx";
import { GradientCheckPanel } from "./gradient-check.tsx";
import type { Equation } from "./letters.ts";
import { lookedAt, placeQuery } from "./looked-at.ts";
import { LayerMaps } from "./maps.tsx";
import { OneNumber } from "./one-number.tsx";
import { explain, insideOf, tensorsOf, type Explained, type Source } from "./subject.ts";
import { SourceBar, splits } from "./source-bar.tsx";
import { Tower, layerName } from "./tower.tsx";

const EquationCard = ({ of, children }: { of: Equation; children?: ComponentChildren }): JSX.Element => (
  <div class="equation">
    <div class="scroll-x" tabIndex={0} role="group" aria-label="Equation">
      <Formula of={of.formula} spoken={of.spoken} />
    </div>
    <dl class="symbols">
      {of.symbols.map(([symbol, meaning]) => (
        <div key={symbol}>
          <dt>{symbol}</dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
    <p class="cite soft">{of.cite}</p>
    {children}
  </div>
);

/** A whole number of the query, within bounds. */
function wholeOf(text: string | null, [least, most]: readonly [number, number], byDefault: number): number {
  const value = text === null || !/^-?\d{1,9}$/.test(text) ? byDefault : Number(text);
  return Math.min(most, Math.max(least, value));
}

function usePlace(inside: Inside, node: number): Place {
  const { query } = address.value;
  const { channels, height, width } = rowOf(inside, node).shape;
  return {
    map: wholeOf(query.get("map"), [0, channels - 1], 0),
    row: wholeOf(query.get("row"), [0, height - 1], Math.floor(height / 2)),
    column: wholeOf(query.get("column"), [0, width - 1], Math.floor(width / 2)),
  };
}

const choosePlace = ({ map, row, column }: Place): void =>
  setQuery({ map: String(map), row: String(row), column: String(column) });

const isConvolution = (step: Step): step is Step<ConvolutionLayer> => step.spec.kind === "convolution";

interface LookedAt {
  inside: Inside;
  node: number;
}

/** What a sample would change of what is learned here: of a block, its 1×1 convolution past the layers. */
function Learning({ inside, node, map }: LookedAt & { map: number }): JSX.Element | null {
  const own = inside.nodes[node];
  const gradient = gradientOf(own);
  if (!own || !gradient) return null;
  const step = own.shortcut?.projection ?? own;
  return (
    <Section
      title="What it would learn from this sample"
      aside={
        <span class="soft">
          norm of the {own.spec.kind === "residual" ? "block" : "layer"}'s gradient{" "}
          {figure(rowOf(inside, node).gradientNorm, 3)}
        </span>
      }
    >
      {step === own ? null : <p class="soft">The 1×1 convolution that x goes through past the block's layers.</p>}
      <EquationCard of={gradient} />
      {isConvolution(step) ? <Filters inside={inside} node={node} step={step} map={map} /> : null}
      {step.spec.kind === "subsampling" ? <Factors inside={inside} step={step} map={map} /> : null}
    </Section>
  );
}

/** Equations, maps and one number of the layer that is looked at. */
function LayerView({ inside, node, isCrossEntropy }: LookedAt & { isCrossEntropy: boolean }) {
  const own = inside.nodes[node];
  const row = rowOf(inside, node);
  const place = usePlace(inside, node);
  const name = own === undefined ? "the input" : `layer ${numberOf(own)}`;
  return (
    <div class="layer-view">
      <div class="two-ways">
        <Section title="Forward: x" aside={<span class="soft">{shapeOf(row.shape)}</span>}>
          <EquationCard of={forwardOf(own)} />
          <LayerMaps what={`x of ${name}`} maps={row.values} signed={false} place={place} choose={choosePlace} />
        </Section>
        <Section title="Backward: δ">
          <EquationCard of={backwardOf(inside, node, { isCrossEntropy })} />
          <LayerMaps what={`δ of ${name}`} maps={row.sensitivities} signed place={place} choose={choosePlace} />
        </Section>
      </div>
      <Section
        title={`One number: map ${place.map}, row ${place.row}, column ${place.column}`}
        aside={
          <span class="soft">
            x = {figure(at(row.values, place), 4)}, δ = {figure(at(row.sensitivities, place), 4)}
          </span>
        }
      >
        <p class="soft">Point at another pixel above, or go there with the arrow keys.</p>
        <OneNumber inside={inside} node={node} place={place} />
      </Section>
      <Learning inside={inside} node={node} map={place.map} />
    </div>
  );
}

/** What the network answers to the sample, in one line. */
function Verdict({ model, inside, answer }: { model: Model; inside: Inside; answer: Explained }): JSX.Element {
  const outputs = rowOf(inside, inside.nodes.length - 1)
    .values.flat(2)
    .map((value) => value ?? 0);
  const best = outputs.indexOf(Math.max(...outputs));
  const isSoftmax = endsInSoftmax(model);
  return (
    <p class="verdict">
      It answers <strong>{model.classes[best]}</strong>
      {isSoftmax ? ` (${percent(outputs[best])})` : ""}
      {answer.label === null
        ? ""
        : answer.label === best
          ? ", which is right"
          : `; it is ${model.classes[answer.label]}`}
      . E = {figure(answer.loss, 4)} for the class {model.classes[answer.class]}.
    </p>
  );
}

interface LayersProps {
  model: Model;
  inside: Inside;
  /** The sample, in a word. */
  subject: string;
  /** Another sample is asked for. */
  isBusy: boolean;
  hrefOf: (node: Node | undefined) => string;
}

function LayerByLayer({ model, inside, subject, isBusy, hrefOf }: LayersProps): JSX.Element {
  const node = lookedAt(inside.nodes, address.value.query);
  const own = inside.nodes[node];
  const hasAlpha = own !== undefined && isCombination(own.spec);
  return (
    <div class="mathematics" aria-busy={isBusy}>
      <Tower inside={inside} chosen={node} hrefOf={(at) => hrefOf(inside.nodes[at])} />
      <div>
        <h2 class="layer-title">
          {own === undefined ? "x⁰: input" : `Layer ${numberOf(own)}: ${layerName(own.spec)}`}
          {own && own.inner !== null ? <span class="soft"> inside the residual block {own.layer}</span> : null}
        </h2>
        <LayerView key={`${subject} ${node}`} inside={inside} node={node} isCrossEntropy={endsInSoftmax(model)} />
        {model.job !== null && hasAlpha ? (
          <AlphaByEpoch key={node} job={model.job} layer={own.layer} inner={own.inner} />
        ) : null}
      </div>
    </div>
  );
}

function sourceOf(query: URLSearchParams, picture: File | null): Source {
  if (picture) return { picture };
  const split = splits.find((each) => each === query.get("split")) ?? "test";
  return { split, index: wholeOf(query.get("sample"), [0, 999_999_999], 0) };
}

function Looking({ model }: { model: Model }): JSX.Element {
  const { path, query } = address.value;
  const [picture, setPicture] = useState<File | null>(null);
  const pictures = useRef(0);
  const source = sourceOf(query, picture);
  const of = query.get("class");
  const what = "picture" in source ? `picture ${pictures.current}` : `${source.split} ${source.index}`;
  const tensors = useResource(`tensors ${model.id} ${model.sha256}`, { ask: (signal) => tensorsOf(model.id, signal) });
  const answered = useResource(`inside ${model.id} ${model.sha256} ${what} ${of ?? ""}`, {
    ask: (signal) => explain(model, { source, of: of === null ? null : Number(of), signal }),
  });
  // The sample before stays until the next is answered.
  const last = useLast(answered.value.value);
  const answer = answered.problem.value ? undefined : last;
  const inside = useMemo(
    () => (answer && tensors.value.value ? insideOf(model, tensors.value.value, answer) : null),
    [model, tensors.value.value, answer],
  );
  const hrefOf = (to: Node | undefined): string =>
    withQuery(path, { ...Object.fromEntries(query), ...placeQuery(to), map: null, row: null, column: null });
  return (
    <>
      <SourceBar
        model={model}
        source={source}
        answer={answer}
        of={of}
        choosePicture={(file) => {
          pictures.current += 1;
          setPicture(file);
          setQuery({ class: null });
        }}
      />
      <ProblemNote problem={answered.problem.value ?? tensors.problem.value} />
      {inside && answer ? (
        <>
          <Verdict model={model} inside={inside} answer={answer} />
          <LayerByLayer
            model={model}
            inside={inside}
            subject={what}
            isBusy={answered.value.value === undefined}
            hrefOf={hrefOf}
          />
        </>
      ) : answered.problem.value ? null : (
        <Waiting what="Going forward and backward" />
      )}
      <Section title="Is it right?">
        <GradientCheckPanel model={model} />
      </Section>
    </>
  );
}

/** Such an output is trained by cross-entropy unless somebody said otherwise; δ of the output shows which it was. */
function endsInSoftmax(model: Model): boolean {
  const last = model.network.layers.at(-1);
  return last !== undefined && "activation" in last && last.activation === "softmax";
}

export default function Mathematics({ params }: PageProps): JSX.Element {
  const model = useResource(`model ${params.id}`, { ask: (signal) => service.models.get(params.id ?? "", { signal }) });
  const found = model.value.value;
  return (
    <>
      <PageHead title="The mathematics" kind={found ? `of ${found.name}` : "of a model"}>
        <a class="button" href={`/models/${params.id}`}>
          The model
        </a>
      </PageHead>
      <ProblemNote problem={model.problem.value} />
      {found ? <Looking model={found} /> : model.problem.value ? null : <Waiting what="Asking for the model" />}
    </>
  );
}
