import { describe, expect, test } from "vitest";
import { expand, shapesIn } from "./expand.mjs";

/** Without line breaks, doubled spaces, and blocks around nothing. */
const expanded = (text: string): string =>
  expand(text, shapesIn(text))
    .replace(/\{\s*\}/g, "")
    .replace(/\s+/g, " ")
    .trim();

describe("registers and unrolled loops", () => {
  test("a loop nest becomes a statement for each pair, on variables of their own", () => {
    const code = expanded(`function f(x: v128): void {
      const sum = registerGrid(2, 3);
      unroll: for (let m: u32 = 0; m < 2; m++) unroll: for (let n: u32 = m; n < 3; n++) {
        sum[m][n] = add(sum[1 - m][n], x);
      }
    }`);
    expect(code).toContain(
      "let sum_0_0 = f32x4.splat(0), sum_0_1 = f32x4.splat(0), sum_0_2 = f32x4.splat(0), sum_1_0 = f32x4.splat(0), sum_1_1 = f32x4.splat(0), sum_1_2 = f32x4.splat(0);",
    );
    expect(code.match(/sum_\d_\d = add\(sum_\d_\d, x\);/g)).toEqual([
      "sum_0_0 = add(sum_1_0, x);",
      "sum_0_1 = add(sum_1_1, x);",
      "sum_0_2 = add(sum_1_2, x);",
      "sum_1_1 = add(sum_0_1, x);",
      "sum_1_2 = add(sum_0_2, x);",
    ]);
  });

  test("a bound that is not known yet, but is not 0, is asked for before each further copy", () => {
    expect(expanded("function f(n: u32): void { unroll: for (let k: u32 = 0; k < min(n, 2); k++) { g(k); } }")).toBe(
      "function f(n: u32): void { { { { g(0); } } if (n > 1) { { { g(1); } } } } }",
    );
  });

  test("a loop that counts down leaves out its first copies where the bound is less", () => {
    expect(expanded("function f(n: u32): void { unroll: for (let k: u32 = min(n, 2); k > 0; k--) g(k); }")).toBe(
      "function f(n: u32): void { { if (n > 1) { { g(2); } } { g(1); } } }",
    );
  });

  test("what numbers decide is decided: a branch that no copy takes may index what is not there", () => {
    const code = expanded(`function f(): void {
      const x = registers(2);
      unroll: for (let n: u32 = 0; n < 2; n++) if (n > 0 && n < 2) x[n - 1] = x[n]; else { x[n + 1] = zero(); }
    }`);
    expect(code).toContain("x_1 = zero();");
    expect(code).toContain("x_0 = x_1;");
    expect(code).not.toContain("if");
  });

  test("a condition that depends on anything else stays, unless one side of it settles it", () => {
    const code = expanded(`function f(a: u32): void {
      unroll: for (let n: u32 = 0; n < 2; n++) { if (a <= n) g(); if (n < 1 && a > 1) h(); if (n == 1 || a > 2) k(); }
    }`);
    expect(code).toContain("{ if (a <= 0) g(); if (0 < 1 && a > 1) h(); if (0 == 1 || a > 2) k(); }");
    expect(code).toContain("{ if (a <= 1) g(); k(); }");
  });

  test.each([
    ["an index outside", "const x = registers(2); x[2] = zero();", /line 1: 'x\[2\]' is none of x's 2/],
    ["too few indices", "const x = registerGrid(2, 2); x[1] = zero();", /is none of x's 2 × 2/],
    ["an index that is no number", "const x = registers(2); x[k] = zero();", /is none of x's 2/],
    ["a bound that is no number", "unroll: for (let k: u32 = 0; k < n; k++) g(k);", /'n' must be numbers/],
    ["a loop that counts by two", "unroll: for (let k: u32 = 0; k < 2; k += 2) g(k);", /does not count one variable/],
  ])("%s is refused", (_, body, message) => {
    expect(() => expand(`function f(n: u32): void { ${body} }`, new Map())).toThrow(message);
  });
});

describe("shapes", () => {
  const shape = "export interface Shape { rows: u32; step: usize; }";

  test("travel as one variable a field", () => {
    expect(
      expanded(`${shape} function f(maps: u32, of: Shape): void { g(of, of.rows * maps, x.of); }
        function h(): void { const s: Shape = { step: k(1, 2), rows: 7 }; f(2, s); }`),
    ).toBe(
      "function f(maps: u32, of_rows: u32, of_step: usize): void { g(of_rows, of_step, of_rows * maps, x.of); } " +
        "function h(): void { const s_rows: u32 = 7, s_step: usize = k(1, 2); f(2, s_rows, s_step); }",
    );
  });

  test("without a field, or with one that they have not, are refused", () => {
    expect(() => expanded(`${shape} function f(): void { const s: Shape = { rows: 1 }; }`)).toThrow(
      "'s' needs rows, step",
    );
    expect(() => expanded(`${shape} function f(s: Shape): u32 { return s.columns; }`)).toThrow(
      "Shape has no 'columns'",
    );
  });

  test("a record's fields are named at once", () => {
    expect(expanded("function f(call: ClearCall): void { let { output, count } = call; }")).toBe(
      "function f(call: ClearCall): void { let output = call.output, count = call.count; }",
    );
  });
});
