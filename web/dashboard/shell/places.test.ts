import { expect, it } from "vitest";
import { routes } from "../routes.ts";
import { meantBy, places } from "./places.ts";

it("are all pages that have an address of their own, and the reference", () => {
  const own = routes.map(({ path }) => path).filter((path) => !path.includes(":"));
  expect(places.map(({ path }) => path).toSorted()).toEqual([...own, "/docs"].toSorted());
});

it.each([
  ["/compare", ["/jobs/compare"]],
  ["/training", ["/jobs", "/jobs/new"]],
  ["/mathematics", ["/models"]],
  ["/v1/Dataset/7", ["/datasets", "/docs"]],
  ["/nowhere", []],
])("%s means %j", (path, meant) => expect(meantBy(path).map((each) => each.path)).toEqual(meant));
