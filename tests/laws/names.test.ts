import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { layer } from "../../schemas/layer.ts";
import { files } from "./tree.ts";

const sources = files.filter(
  (path) => /\.tsx?$/.test(path) && /^(engine|schemas|services|scripts|client|cli|web|search|tests|bench)\//.test(path),
);

describe("names of files", () => {
  test("are lower-case words joined by hyphens", () => {
    expect(sources.filter((path) => !/^_?[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.tsx?$/.test(basename(path)))).toEqual([]);
  });

  test("name no machinery without a subject", () => {
    const vague = /^(utils?|helpers?|common|misc|constants|manager|base)(\.test)?\.ts$/;
    expect(sources.filter((path) => vague.test(basename(path)))).toEqual([]);
  });
});

describe("a subject keeps its name in every room", () => {
  const below = (folder: string): string[] =>
    files
      .filter((path) => path.startsWith(`${folder}/`) && !/\.test\.ts$|\.md$/.test(path))
      .map((path) => basename(path).replace(/\.[a-z]+$/, ""));
  const infrastructure = ["reference", "memory", "activations"];
  const subjects = below("engine/kernels/reference").filter((name) => !infrastructure.includes(name));

  for (const room of ["assembly", "native"]) {
    test(`${room} has the kernels of every subject that the reference has`, () => {
      const names = below(`engine/kernels/${room}`);
      expect(
        subjects.filter((subject) => !names.some((name) => name === subject || name.startsWith(`${subject}-`))),
      ).toEqual([]);
    });
  }

  test("every kind of layer has its file", () => {
    expect(
      layer.options.map(({ shape }) => shape.kind.value).filter((kind) => !files.includes(`engine/layers/${kind}.ts`)),
    ).toEqual([]);
  });
});
