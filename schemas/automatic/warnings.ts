/** What more samples would do, where there are few of them. */
import { shown, total, type AutomaticFacts } from "./facts.ts";

/** Samples of a class from which on more of them help little by little. */
const comfortable = 100;

function fewSamples({ classes, trainingCounts }: AutomaticFacts): string | null {
  const mean = total(trainingCounts) / classes.length;
  if (mean >= comfortable) return null;
  return (
    `${shown(mean)} training samples a class are few: figures on what is held out of them waver by several points, and more ` +
    `samples would do more than any setting; ${comfortable} a class are a good beginning, as a rule of thumb ten times as many halve the errors`
  );
}

function rareClass({ classes, trainingCounts }: AutomaticFacts): string | null {
  const [least, most] = [Math.min(...trainingCounts), Math.max(...trainingCounts)];
  if (least * 8 > most || least >= 1000) return null;
  return (
    `class '${classes[trainingCounts.indexOf(least)]}' has ${shown(least)} training samples, '${classes[trainingCounts.indexOf(most)]}' ` +
    `${shown(most)}: judge the model by the accuracy of each class, not by the mean; more samples of the rare one help it most`
  );
}

export const warningsOf = (facts: AutomaticFacts): string[] =>
  [fewSamples(facts), rareClass(facts)].flatMap((warning) => warning ?? []);
