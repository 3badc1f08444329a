import { expect, test } from "vitest";
import { failureCodes, warningCodes } from "../../schemas/failure.ts";
import { problemCodes } from "../../schemas/problem.ts";
import { interfaceOf } from "./interface.ts";
import { code, read } from "./tree.ts";

const codes = [problemCodes, failureCodes, warningCodes].flatMap((list) => Object.keys(list)).toSorted();

test("docs/PROBLEMS.md explains every code and names no other", () => {
  const explained = [...read("docs/PROBLEMS.md").matchAll(/^#{2,4} `?([a-z-]+)`?\s*$|^\| `([a-z-]+)` \|/gm)].map(
    ([, heading, cell]) => heading ?? cell,
  );
  expect(explained.toSorted()).toEqual(codes);
});

test("every code has a page of its own, which is that of the document", async () => {
  const asked = await interfaceOf(async (app) =>
    Promise.all(codes.map(async (each) => (await app.inject(`/problems/${each}`)).body)),
  );
  for (const [at, each] of codes.entries()) expect(asked[at]).toMatch(new RegExp(`^## \`${each}\`\\n\\n.{40}`, "s"));
});

/** Comments, and outcomes of records that have the same names. */
const beside = /\/\*[\s\S]*?\*\/|\/\/.*|kind(:| ===) "[a-z-]+"( \| "[a-z-]+")*/g;

/** Answered where the service asks for keys. */
const ofKeys = ["forbidden", "unauthorized"];

test("every code can be answered: somebody writes it", () => {
  const written = code
    .filter((path) => /^(services|engine)\//.test(path))
    .map((path) => read(path).replaceAll(beside, ""))
    .join("\n");
  expect(codes.filter((each) => !ofKeys.includes(each) && !written.includes(`"${each}"`))).toEqual([]);
});
