/** Rows of the two curves, from what the trainer reports. What is not finite is null. */
import type { TrainingReport } from "../../../engine/index.ts";
import type { MetricRow } from "../../../schemas/metrics.ts";
import { finite } from "../../shared/finite.ts";

interface Moment {
  at: string;
  samplesPerSecond: number | null;
}

export function stepRows(report: TrainingReport, moment: Moment): MetricRow[] {
  return report.rows.map((row) => ({
    step: row.step,
    epoch: row.epoch,
    at: moment.at,
    learningRate: row.learningRate,
    loss: finite(row.loss),
    accuracy: finite(row.accuracy),
    validationLoss: null,
    validationAccuracy: null,
    split: null,
    samplesPerSecond: moment.samplesPerSecond,
    gradientNorm: finite(row.gradientNorm),
  }));
}

export function epochRow(report: Extract<TrainingReport, { kind: "epoch" }>, moment: Moment): MetricRow {
  return {
    step: report.step,
    epoch: report.epoch,
    at: moment.at,
    learningRate: report.learningRate,
    loss: finite(report.loss),
    accuracy: finite(report.accuracy),
    validationLoss: finite(report.validation?.loss ?? null),
    validationAccuracy: finite(report.validation?.accuracy ?? null),
    split: report.validation?.split ?? null,
    samplesPerSecond: moment.samplesPerSecond,
    gradientNorm: finite(report.gradientNorm),
  };
}
