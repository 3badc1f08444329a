import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { files } from "./tree.ts";

const sources = files.filter((path) => path.endsWith(".ts") && /^(engine|schemas|services|scripts|tests|bench)\//.test(path));

describe("names of files", () => {
  test("are lower-case words joined by hyphens", () => {
    expect(sources.filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.ts$/.test(basename(path)))).toEqual([]);
  });

  test("name no machinery without a subject", () => {
    const vague = /^(utils?|helpers?|common|misc|constants|manager|base)(\.test)?\.ts$/;
    expect(sources.filter((path) => vague.test(basename(path)))).toEqual([]);
  });
});
