import { expect, test } from "vitest";
import { refuseWebhook } from "./refuse.ts";

const at = (url: string, ...addresses: string[]) =>
  refuseWebhook(
    { url },
    { allowPrivate: false, resolve: async () => addresses.map((address) => ({ address, family: 4 })) },
  );

test("a webhook at a private address is refused when it is asked for", async () => {
  for (const [url, ...addresses] of [
    ["http://127.0.0.1:9/hook"],
    ["http://[::1]/"],
    ["http://localhost/hook"],
    ["http://any.localhost:8080/hook", "93.184.216.34"],
    ["https://inside.example/hook", "93.184.216.34", "10.0.0.7"],
  ])
    await expect(at(url, ...addresses)).rejects.toMatchObject({
      code: "invalid-request",
      errors: [{ pointer: "/webhook/url", detail: expect.stringContaining("WEBHOOK_ALLOW_PRIVATE") as string }],
    });
});

test("a public one is taken, one that nobody answers for too, and any where the operator allows it", async () => {
  const taken = [
    at("https://outside.example/hook", "93.184.216.34"),
    at("https://not-yet.example/hook"),
    refuseWebhook({ url: "http://127.0.0.1/" }, { allowPrivate: true }),
    refuseWebhook(null, { allowPrivate: false }),
  ];
  expect(await Promise.all(taken)).toEqual(taken.map(() => undefined));
});
