/** A network: its layers, or the name of a preset with recommended settings. */
import { z } from "zod";
import { layer } from "./layer.ts";

export const network = z
  .strictObject(
    {
      layers: z
        .array(layer)
        .min(1, "a network needs at least one layer")
        .max(200)
        .describe("from the input to the output; the last one has as many outputs as there are classes"),
    },
    {
      error: ({ code, input }) =>
        code === "invalid_type" && Array.isArray(input)
          ? 'expected the layers in an object, {"layers": […]}, found a list'
          : undefined,
    },
  )
  .describe("a network: its layers in order");
export type Network = z.infer<typeof network>;
/** As a user writes it. */
export type NetworkInput = z.input<typeof network>;

export const loss = z
  .enum(["squared-error", "cross-entropy"])
  .describe("what training makes small: squared distance to the target, or −log of the right class's probability");
export type Loss = z.infer<typeof loss>;

export const presetName = z
  .enum(["lenet-5", "toolbox", "fast-mnist"])
  .describe("a network by its name, with optimiser, epochs and batch size that suit it (docs/NETWORKS.md)");
export type PresetName = z.infer<typeof presetName>;
