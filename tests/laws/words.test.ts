import { describe, expect, test } from "vitest";
import { code, files, isTest, read } from "./tree.ts";

const texts = files.filter(
  (path) =>
    !/\.(png|jpe?g|gz|zip|npz|safetensors|onnx|bin|wasm|idx)$/.test(path) &&
    path !== "package-lock.json" &&
    !path.startsWith("tests/laws/"),
);

/** Lines of these files that match, as `path:line: text`. */
function lines(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split("\n")
      .flatMap((text, index) => (pattern.test(text) ? [`${path}:${index + 1}: ${text.trim().slice(0, 120)}`] : [])),
  );
}

/** A file's text without comments and strings, line breaks kept. */
const bare = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g, (found) =>
    found.replace(/[^\n]/g, " "),
  );

// In halves, so that this file does not speak of it either.
const unfinished = new RegExp(
  ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK", "not " + "implemented", "for " + "now", "place" + "holder"]
    .map((word) => `\\b${word}\\b`)
    .join("|"),
  "i",
);

describe("words", () => {
  test("no file names a package registry's host or a folder of one machine", () => {
    expect(
      lines(texts, /registry\.(npmjs|yarnpkg)|deb\.debian\.org|\/root\/|\/home\/[a-z]|(^|[\s"'`(=])\/work\//),
    ).toEqual([]);
  });

  test("no code speaks of work that is not done", () => {
    expect(
      lines(
        files.filter((path) => /\.(ts|mjs|c|h|sh)$/.test(path)),
        unfinished,
      ),
    ).toEqual([]);
  });

  test("the engine's powers are products, for ** is not exact everywhere; a power of two numbers is a constant", () => {
    const engine = code.filter(
      (path) =>
        path.startsWith("engine/") &&
        !path.startsWith("engine/kernels/reference/") &&
        !path.startsWith("engine/kernels/assembly/"),
    );
    expect(engine.filter((path) => /\*\*/.test(bare(read(path)).replace(/\b\d+ \*\* \d+\b/g, "")))).toEqual([]);
  });

  test("members of classes are #private; a constructor alone has no other spelling than private", () => {
    const typescript = files.filter((path) => /\.tsx?$/.test(path) && !path.startsWith("engine/kernels/assembly/"));
    expect(lines(typescript, /^\s+(private|protected) (?!constructor\b)/)).toEqual([]);
  });

  test("every file of the engine opens by saying what it is", () => {
    const engine = files.filter((path) => /^engine\/.*\.(ts|c|h)$/.test(path) && !isTest(path));
    expect(engine.filter((path) => !/^\/(\*|\/)/.test(read(path)))).toEqual([]);
  });

  test("services speak by their code: at most a tenth of their lines are comments", () => {
    const lines = code
      .filter((path) => path.startsWith("services/"))
      .flatMap((path) =>
        read(path)
          .split("\n")
          .filter((line) => line.trim() !== ""),
      );
    const comments = lines.filter((line) => /^\s*(\/\/|\/\*|\*)/.test(line));
    expect(comments.length / lines.length).toBeLessThan(0.1);
  });
});
