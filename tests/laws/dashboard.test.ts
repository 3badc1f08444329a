import { expect, test } from "vitest";
import { files, read } from "./tree.ts";

const pages = files.filter((path) => path.startsWith("web/dashboard/") && path.endsWith(".tsx"));
/** Their value is taken the moment that it is changed. */
const isTakenAtOnce = /type="(checkbox|radio|file)"/;

test("a field whose text is taken when it is left belongs to its writer until then: useEdited, and no second way", () => {
  const controls = pages.flatMap((path) =>
    [...read(path).matchAll(/<(?:input|textarea)\b(?:[^>]|=>)*\/>/g)].map(([text]) => ({ path, text })),
  );
  expect(controls.length).toBeGreaterThan(20);
  expect(controls.filter(({ text }) => /\bonChange=/.test(text) && !isTakenAtOnce.test(text))).toEqual([]);
});
