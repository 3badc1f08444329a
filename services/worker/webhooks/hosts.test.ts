import { describe, expect, it } from "vitest";
import { HostLimits } from "./hosts.ts";

const enterAll = (limits: HostLimits, host: string, times: number) =>
  Array.from({ length: times }, () => limits.enter(host)).flatMap((place) => (place.kind === "free" ? [place] : []));

describe("HostLimits", () => {
  it("gives each host a few places, and them back", () => {
    const limits = new HostLimits({ perHost: 2, unproven: 10 });
    const places = enterAll(limits, "slow.example", 5);
    expect(places).toHaveLength(2);
    expect(enterAll(limits, "other.example", 5)).toHaveLength(2);
    for (const place of places) place.leave(10);
    expect(enterAll(limits, "slow.example", 5)).toHaveLength(2);
  });
  it("keeps places for hosts that are known to answer, however many others hang", () => {
    const limits = new HostLimits({ perHost: 2, unproven: 4 });
    for (const place of enterAll(limits, "quick.example", 1)) place.leave(5);
    for (let host = 0; host < 20; host++) enterAll(limits, `hangs-${host}.example`, 2);
    expect(limits.enter("new.example").kind).toBe("taken");
    expect(enterAll(limits, "quick.example", 3)).toHaveLength(2);
  });
  it("takes a host that became slow among the unproven again", () => {
    const limits = new HostLimits({ perHost: 2, unproven: 1 });
    for (const place of enterAll(limits, "a.example", 1)) place.leave(5);
    for (const place of enterAll(limits, "a.example", 1)) place.leave(15_000);
    expect(enterAll(limits, "b.example", 1)).toHaveLength(1);
    expect(limits.enter("a.example").kind).toBe("taken");
  });
  it("asks those in vain to wait longer the more they are, within bounds", () => {
    const limits = new HostLimits({ perHost: 0, unproven: 1 });
    for (let time = 0; time < 3000; time++) {
      const place = limits.enter("a.example");
      if (place.kind !== "taken") throw new Error("there is no place");
      expect(place.waitMs).toBeGreaterThanOrEqual(250);
      expect(place.waitMs).toBeLessThanOrEqual(250 + Math.min(30_000, 50 * (time + 1)));
    }
  });
});
