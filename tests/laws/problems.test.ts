import { expect, test } from "vitest";
import { problemCodes } from "../../schemas/problem.ts";
import { read } from "./tree.ts";

test("docs/PROBLEMS.md explains every code and names no other", () => {
  const explained = [...read("docs/PROBLEMS.md").matchAll(/^#{2,4} `?([a-z-]+)`?\s*$|^\| `([a-z-]+)` \|/gm)].map(
    ([, heading, cell]) => heading ?? cell,
  );
  expect(explained.toSorted()).toEqual(Object.keys(problemCodes).toSorted());
});
