import { expect, test } from "vitest";
import { loggedError } from "./log-errors.ts";

test("an error is logged without what it carries", () => {
  const carried = Object.assign(new Error("WRONGPASS"), {
    code: "E",
    command: { name: "auth", args: ["hunter2"] },
  });
  const text = JSON.stringify(loggedError(new Error("no connection", { cause: carried })));
  expect(text).not.toContain("hunter2");
  expect(JSON.parse(text)).toMatchObject({
    type: "Error",
    message: "no connection",
    cause: { code: "E", message: "WRONGPASS" },
  });
});

test("what is no error is logged as what it is, and causes in a circle end", () => {
  expect(loggedError({ secret: "hunter2" })).toBe("object");
  const circle = new Error("round");
  circle.cause = circle;
  expect(JSON.stringify(loggedError(circle)).length).toBeLessThan(20_000);
});
