import { expect, test } from "vitest";
import { fromForms, luaOfForms } from "./forms.ts";

const forms = { all: "maps:jobs", rows: "maps:job:{id}:metrics:{series}", plural: "maps:{kind}s" } as const;

test("a form without parts is its own name, one with parts is a function of them", () => {
  const names = fromForms(forms);
  expect(names.all).toBe("maps:jobs");
  expect(names.rows("job_7", "step")).toBe("maps:job:job_7:metrics:step");
  expect(names.plural("model")).toBe("maps:models");
});

test("what stands in a part is taken as it is", () => {
  expect(fromForms(forms).rows("{series}", "$1")).toBe("maps:job:{series}:metrics:$1");
});

test("Lua gets the same names", () => {
  expect(luaOfForms(forms)).toBe(
    "{ all = 'maps:jobs', rows = function(p1, p2) return 'maps:job:' .. p1 .. ':metrics:' .. p2 .. '' end, " +
      "plural = function(p1) return 'maps:' .. p1 .. 's' end }",
  );
});
