/** The page: paper to draw on, a picture to drop, bars that answer. Needs no server and no network. */
import type { ExportedModel } from "../../schemas/exported-model.ts";
import { loadModel, type LoadedModel } from "./model.ts";
import { inRange, isLightOnDark, toPixels, toSample, type Pixels } from "./picture.ts";

const found = <Kind extends HTMLElement>(id: string): Kind => {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element '${id}'`);
  return element as Kind;
};

/** Every browser that has WebAssembly draws in two dimensions. */
function drawingOn(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const drawing = canvas.getContext("2d", { willReadFrequently: true });
  if (!drawing) throw new Error("This browser draws nothing.");
  return drawing;
}

/** A canvas that is not shown, of so many pixels. */
function scratch(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

/** The sample on a canvas of the network's own size. */
function seenOn(sample: Uint8Array): HTMLCanvasElement {
  const { width, height, data } = toPixels(sample, exported);
  const canvas = scratch(width, height);
  drawingOn(canvas).putImageData(new ImageData(new Uint8ClampedArray(data), width), 0, 0);
  return canvas;
}

const exported = JSON.parse(found("model").textContent) as ExportedModel;
const { input, classes } = exported;
const paper = found<HTMLCanvasElement>("paper");
/** Drawn at several times the network's size, so that a line has soft edges once it is made small. */
const fine = Math.max(1, Math.min(10, Math.ceil(280 / Math.max(input.height, input.width))));
paper.width = input.width * fine;
paper.height = input.height * fine;
const context = drawingOn(paper);
const [blank, pen] = isLightOnDark(exported) ? ["#000", "#fff"] : ["#fff", "#000"];

function say(problem: string): void {
  const place = found("problem");
  place.textContent = problem;
  place.hidden = problem === "";
}

const percent = (share: number): string => `${(100 * share).toFixed(share > 0.0995 && share < 0.9995 ? 1 : 2)} %`;
const bars = found("bars");
/** The classes in the model's order, each a bar; the order never changes, so that nothing jumps while one draws. */
const rows = classes.map((name) => {
  const row = document.createElement("li");
  const [label, share] = [document.createElement("span"), document.createElement("span")];
  label.textContent = name;
  row.append(label, share);
  bars.append(row);
  return { row, share };
});

function show(probabilities: Float32Array): void {
  let most = 0;
  for (const [at, { row, share }] of rows.entries()) {
    if (probabilities[at] > probabilities[most]) most = at;
    row.style.setProperty("--share", String(probabilities[at]));
    share.textContent = percent(probabilities[at]);
    share.title = String(probabilities[at]);
  }
  found("answer").textContent = `${classes[most]}, ${percent(probabilities[most])} sure`;
}

let sample = new Uint8Array(0);
let model: LoadedModel | null = null;

function ask(pixels: Pixels): void {
  if (!model) return;
  sample = new Uint8Array(toSample(pixels, exported));
  const probabilities = model.ask(inRange(sample, exported));
  if (!probabilities.every(Number.isFinite)) return say("The network's answer is not a finite number.");
  say("");
  show(probabilities);
}

const onPaper = (): Pixels => context.getImageData(0, 0, paper.width, paper.height);

function clear(): void {
  context.fillStyle = blank;
  context.fillRect(0, 0, paper.width, paper.height);
  found("answer").textContent = "Waiting for a picture";
  for (const { row, share } of rows) {
    row.style.setProperty("--share", "0");
    share.textContent = "";
  }
}

/** Any picture that the browser reads: asked about at its own size, shown on the paper as the network sees it. */
async function take(file: Blob): Promise<void> {
  try {
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    const whole = drawingOn(scratch(bitmap.width, bitmap.height));
    whole.drawImage(bitmap, 0, 0);
    ask(whole.getImageData(0, 0, bitmap.width, bitmap.height));
    context.imageSmoothingEnabled = false;
    context.drawImage(seenOn(sample), 0, 0, paper.width, paper.height);
  } catch {
    say("This file is no picture that the browser can read; PNG, JPEG, WebP and GIF are.");
  }
}

function drawable(): void {
  let last: { x: number; y: number } | null = null;
  const at = ({ clientX, clientY }: PointerEvent) => {
    const box = paper.getBoundingClientRect();
    return { x: ((clientX - box.x) / box.width) * paper.width, y: ((clientY - box.y) / box.height) * paper.height };
  };
  const line = (event: PointerEvent): void => {
    const to = at(event);
    context.strokeStyle = pen;
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = Math.max(1, Math.min(paper.width, paper.height) / 12);
    context.beginPath();
    context.moveTo((last ?? to).x, (last ?? to).y);
    context.lineTo(to.x, to.y);
    context.stroke();
    last = to;
    ask(onPaper());
  };
  paper.addEventListener("pointerdown", (event) => {
    paper.setPointerCapture(event.pointerId);
    last = null;
    line(event);
  });
  paper.addEventListener("pointermove", (event) => {
    if (event.buttons > 0 && paper.hasPointerCapture(event.pointerId)) line(event);
  });
}

/** The sample as a PNG of the network's own size: sent to the service it gets the same probabilities. */
function save(): void {
  if (sample.length === 0) ask(onPaper());
  const link = document.createElement("a");
  link.href = seenOn(sample).toDataURL("image/png");
  link.download = "sample.png";
  link.click();
}

function droppable(): void {
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  document.addEventListener("dragleave", () => document.body.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    const [file] = event.dataTransfer?.files ?? [];
    if (file) void take(file);
  });
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file) void take(file);
  });
  found<HTMLInputElement>("file").addEventListener("change", ({ target }) => {
    const [file] = (target as HTMLInputElement).files ?? [];
    if (file) void take(file);
  });
}

function describe(): void {
  const { evaluation, parameters } = exported;
  document.title = exported.name;
  found("name").textContent = exported.name;
  found("facts").textContent = [
    `${classes.length} classes`,
    `${input.width}×${input.height} pixels, ${input.channels === 1 ? "grey" : "RGB"}`,
    `${parameters.toLocaleString("en")} parameters`,
    ...(evaluation ? [`${percent(evaluation.accuracy)} right on its ${evaluation.split} samples`] : []),
  ].join(" · ");
  found("about").textContent =
    `Everything happens in this page: no picture leaves it. Model ${exported.id}, made ${exported.createdAt.slice(0, 10)}; weights ${exported.sha256.slice(0, 16)}….`;
}

describe();
clear();
try {
  if (input.channels !== 1 && input.channels !== 3)
    throw new Error(`This network takes ${input.channels} channels; a picture has 1 or 3.`);
  model = await loadModel(exported, found("kernels").textContent.trim());
  found("main").hidden = false;
  drawable();
  droppable();
  found("clear").addEventListener("click", clear);
  found("save").addEventListener("click", save);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
}
