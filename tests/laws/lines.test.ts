import { expect, test } from "vitest";
import { files, read } from "./tree.ts";

const longest = 120;
/** What tells little of a line beside its one literal: `detail: … ,`, `test(…, async () => {`. */
const surroundings = 60;

const written = files.filter((path) => /\.(ts|tsx|mts|mjs|c|h|py|lua|md|css|html|ya?ml|sh)$/.test(path));
/** Recorded data. */
const recorded = /^tests\/golden\/cases\//;

/** A string, a template or an expression that nothing can break, and next to nothing beside it. */
const isOneLiteral = (line: string): boolean =>
  line.trim().replace(/(["'`]).*\1|(?<=^|[(=:,\s])\/.*\/[a-z]*/, "").length < surroundings;
const isLongUrl = (line: string): boolean => /https?:\/\/\S{60}/.test(line);
const isTableOfMarkdown = (path: string, line: string): boolean => path.endsWith(".md") && /^\s*\|/.test(line);
/** The formatter broke what can be broken. */
const isLeftByFormatter = (path: string, line: string): boolean =>
  /\.(ts|tsx|mts|mjs)$/.test(path) && isOneLiteral(line);

test(`lines have at most ${longest} characters, but for tables of Markdown and what cannot be broken`, () => {
  const long = written
    .filter((path) => !recorded.test(path))
    .flatMap((path) =>
      read(path)
        .split("\n")
        .flatMap((line, index) =>
          line.length <= longest || isTableOfMarkdown(path, line) || isLeftByFormatter(path, line) || isLongUrl(line)
            ? []
            : [`${path}:${index + 1}: ${line.length}`],
        ),
    );
  expect(long).toEqual([]);
});
