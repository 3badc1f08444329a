/** A network: its layers, or the name of a preset with recommended settings. */
import { z } from "zod";
import { layer } from "./layer.ts";

export const network = z.strictObject({ layers: z.array(layer).min(1, "a network needs at least one layer").max(200) });
export type Network = z.infer<typeof network>;

export const loss = z.enum(["squared-error", "cross-entropy"]);
export type Loss = z.infer<typeof loss>;

export const presetName = z.enum(["lenet-5", "toolbox", "fast-mnist"]);
export type PresetName = z.infer<typeof presetName>;
