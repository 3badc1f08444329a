/** The engine's only door. */
export type { Augmenter } from "./augmentation.ts";
export { createAugmenter, isIdentity } from "./augmentation.ts";
export { deriveTraining } from "./derivation.ts";
export type { DatasetFacts } from "./derivation.ts";
export { describeNetwork, effectiveInputsOf, insideOf, isInside, sharesOf } from "./description.ts";
export type { DescribedLayer, Inside } from "./description.ts";
export { EngineError } from "./errors.ts";
export { exportOnnx } from "./formats/onnx.ts";
export { readSafetensors, writeSafetensors } from "./formats/safetensors.ts";
export type { Tensor as FileTensor, TensorFile } from "./formats/safetensors.ts";
export { compareGolden, goldenGroups, runGolden } from "./golden.ts";
export type { GoldenCase, GoldenGroup, Implementation } from "./golden.ts";
export { checkGradients } from "./gradient-check.ts";
export type { CheckedTensor, GradientCheck, GradientCheckOptions } from "./gradient-check.ts";
export { runGradientThread } from "./gradient-thread.ts";
export { holdOut } from "./held-out.ts";
export { instantiateKernels, nameOfKernels } from "./kernels/instantiate.ts";
export type { KernelsSource, NativeAddon } from "./kernels/instantiate.ts";
export type { Kernels } from "./kernels/kernels.ts";
export { createReference } from "./kernels/reference/reference.ts";
export { createMemory } from "./memory.ts";
export { fitNormalisation } from "./normalisation.ts";
export { createPredictor, planPrediction, probabilitiesOf } from "./prediction.ts";
export type { FeatureMaps, PredictionPlan, PredictionSpec, Predictor, PredictorOptions } from "./prediction.ts";
export { createExplainer, planSensitivities } from "./sensitivities.ts";
export type {
  Explainer,
  LayerSensitivities,
  Saliency,
  Sensitivities,
  SensitivitiesPlan,
  SensitivitiesSpec,
} from "./sensitivities.ts";
export { runAugmentationThread } from "./staging.ts";
export { createTrainer, planTraining } from "./trainer.ts";
export { request } from "./training.ts";
export type {
  Best,
  Evaluated,
  GradientThreadOptions,
  SplitRegion,
  StepRow,
  Trainer,
  TrainerOptions,
  TrainingPlan,
  TrainingPosition,
  TrainingReport,
  TrainingSpec,
} from "./training.ts";
export { engineVersion } from "./version.ts";
