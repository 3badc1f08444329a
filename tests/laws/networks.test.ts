import { describe, expect, test } from "vitest";
import { completeNetwork } from "../../schemas/complete.ts";
import { jobRequest } from "../../schemas/job.ts";
import { networkShape } from "../../schemas/network-shape.ts";
import { network, presetName } from "../../schemas/network.ts";
import { presetNetwork } from "../../schemas/presets.ts";
import { read } from "./tree.ts";

const document = read("docs/NETWORKS.md");
const blocks = [...document.matchAll(/^```json (job )?(\d+)x(\d+)x(\d+)\n([\s\S]*?)^```/gm)].map(
  ([, job, channels, height, width, text]) => ({
    shape: { channels: Number(channels), height: Number(height), width: Number(width) },
    name: `${channels}×${height}×${width}`,
    job: job !== undefined,
    text,
  }),
);

describe("docs/NETWORKS.md", () => {
  test("says of every block for which samples it is", () => {
    expect(blocks.length).toBeGreaterThan(4);
    expect(document.match(/^```json/gm)).toHaveLength(blocks.length);
  });

  test.each(blocks)("its network for $name is one, and fits", ({ shape, job, text }) => {
    const given: unknown = job ? jobRequest.parse(JSON.parse(text)).network : JSON.parse(text);
    const { layers } = completeNetwork(network.parse(given));
    const last = layers.at(-1);
    const classes = last?.kind === "dense" ? last.units : 0;
    expect(networkShape(layers, shape, classes).problems).toEqual([]);
  });

  test.each(presetName.options)("says from which side on %s can be taken", (name) => {
    const fits = (side: number) =>
      networkShape(presetNetwork(name, 5).layers, { channels: 3, height: side, width: side }, 5).problems.length === 0;
    const least = name === "lenet-5" ? 28 : 16;
    expect(document).toContain(`${least}×${least}`);
    expect([fits(least - 1), fits(least)]).toEqual([false, true]);
  });
});
