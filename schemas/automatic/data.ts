/** What the samples are good for: which are held out, how they are drawn, and how they may be distorted. */
import type { Augmentation } from "../augmentation.ts";
import type { Sampling } from "../sampling.ts";
import { trainedCounts, type Validation } from "../validation.ts";
import { shown, total, type AutomaticFacts, type Chosen } from "./facts.ts";
import { isPicture } from "./layers.ts";

/** More than so many held-out samples say little more. */
const enoughHeldOut = 5000;
/** Fewer say too little: a larger part of a small set is held out. */
const fewSamples = 500;

export function chooseValidation({ splits, trainingCounts }: AutomaticFacts): Chosen<Validation> {
  if (splits.validation > 0)
    return {
      value: null,
      reason: `The best epoch is chosen on the dataset's own validation split of ${shown(splits.validation)} samples.`,
    };
  if (trainingCounts.every((count) => count < 2))
    return {
      value: null,
      reason: "Nothing is held out to choose the best epoch by: no class has two training samples.",
    };
  const wanted = splits.train < fewSamples ? 0.2 : Math.min(0.1, Math.max(0.02, enoughHeldOut / splits.train));
  const fraction = Number(wanted.toPrecision(2));
  const heldOut = splits.train - total(trainedCounts({ fraction }, trainingCounts));
  return {
    value: { fraction },
    reason:
      `${shown(heldOut)} of ${shown(splits.train)} training samples are held out, class by class, to choose the best ` +
      "epoch by: the dataset has no validation split.",
  };
}

/** So many times as many samples as the smallest class has make it rare, and so many more make it drown. */
const rare = 8;
const drowned = 30;

export function chooseSampling({ classes, trainingCounts }: AutomaticFacts): Chosen<Sampling> {
  const present = trainingCounts.filter((count) => count > 0);
  const [least, most] = [Math.min(...present), Math.max(...present)];
  if (present.length < 2 || most < rare * least)
    return {
      value: "natural",
      reason: "Each sample is taken once in an epoch: no class is so rare that it would be overlooked.",
    };
  const [common, other] = [most, least].map((count) => `'${classes[trainingCounts.indexOf(count)]}'`);
  const sizes = `${common} has ${shown(most)} training samples, ${other} ${shown(least)}`;
  if (most < drowned * least)
    return {
      value: "natural",
      reason: `Each sample is taken once in an epoch: ${sizes}, and that gives the most right answers overall; "sampling":"balanced" finds more of ${other}, and errs more on ${common}.`,
    };
  return {
    value: "balanced",
    reason: `Classes are drawn equally often: ${sizes}, and would otherwise hardly be learned.`,
  };
}

/** A sign stands for what it is only the right way round; so does what is named after a direction. */
const isSign = (name: string): boolean =>
  /^.{0,2}$/u.test(name) ||
  /\d/.test(name) ||
  /^(zero|one|two|three|four|five|six|seven|eight|nine|ten)$/i.test(name) ||
  /\b(left|right|clockwise|counterclockwise)\b/i.test(name);

type Distortion = Partial<Augmentation>;
/** Copies are only worth their time where there are enough epochs to see different ones. */
const leastEpochs = 6;
const leastSide = 12;

/** `epochs`: of the training. */
export function chooseAugmentation({ shape, classes }: AutomaticFacts, epochs: number): Chosen<Distortion> {
  if (!isPicture(shape)) return { value: {}, reason: "Samples are not distorted: they are no pictures." };
  if (epochs < leastEpochs)
    return {
      value: {},
      reason: `Samples are not distorted: in ${epochs} epoch${epochs === 1 ? "" : "s"} the network hardly sees one twice.`,
    };
  const side = Math.min(shape.height, shape.width);
  const colour = shape.channels === 3;
  const flip = colour && !classes.some(isSign);
  const moved: Distortion =
    side < leastSide
      ? { rotate: 5, scale: 0.05 }
      : { shift: Math.max(1, Math.round(side * 0.07)), rotate: 8, scale: 0.1 };
  const mirrored = flip
    ? " Half of them are mirrored: the pictures are in colour, and no class is named by a sign or a direction."
    : colour
      ? " None is mirrored: classes are named by signs or directions."
      : ' None is mirrored: who knows that a mirrored sample is still of its class says so with "augmentation":{"flip":true}.';
  const how = [
    ...(moved.shift === undefined ? [] : [`shifted by up to ${moved.shift} pixels`]),
    `turned by up to ${moved.rotate}°`,
    `scaled by up to ${shown(100 * (moved.scale ?? 0))} %`,
    ...(colour ? ["changed a little in brightness and contrast"] : []),
  ];
  const last = how.pop() ?? "";
  return {
    value: { ...moved, ...(colour ? { brightness: 0.2, contrast: 0.2 } : {}), ...(flip ? { flip } : {}) },
    reason: `Training samples are ${how.join(", ")} and ${last}, each time otherwise: that stands in for more samples.${mirrored}`,
  };
}
