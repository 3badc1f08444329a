import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSecretName, redaction } from "./redaction.ts";

const planted = "S3cret-that-was/planted+here=";
const key = `fm_${"aB3-_".repeat(9)}`;

describe("by its form", () => {
  const redact = redaction({});
  test.each([
    ["a key", `DELETE /v1/keys/${key} x`, "DELETE /v1/keys/fm_(hidden) x"],
    [
      "an address with a password",
      "WRONGPASS redis://user:hunter2@host:6379/0",
      "WRONGPASS redis://(hidden)@host:6379/0",
    ],
    ["an address with a name", "to https://token@host/hook?x=1", "to https://(hidden)@host/hook?x=1"],
    ["a header", "sent Authorization: Basic dXNlcjpodW50ZXIy ok", "sent Authorization: Basic (hidden) ok"],
    ["a cookie", "cookie: a=b; fm_session=abc-DEF_123; c=d", "cookie: a=b; fm_session=(hidden); c=d"],
    ["a webhook's secret", "with whsec_c2VjcmV0", "with whsec_(hidden)"],
    ["a plain address", "at http://127.0.0.1:3000/a@b", "at http://127.0.0.1:3000/a@b"],
  ])("%s", (_name, text, told) => expect(redact(text)).toBe(told));
});

describe("by the name of its field", () => {
  const redact = redaction({});
  test("at any depth, whatever it is, and the line is JSON as before", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, unit: "binary" }), fc.nat(6), (secret, depth) => {
        let value: unknown = { secret: `planted${secret}planted`, kept: 1 };
        for (let level = 0; level < depth; level++) value = { inner: [value] };
        const line = redact(JSON.stringify({ msg: "m", value, level: 30 }));
        expect(line).not.toContain("planted");
        expect(JSON.parse(line)).toMatchObject({ msg: "m", level: 30 });
        const quoted = redact(JSON.stringify({ msg: `sent ${JSON.stringify(value)}` }));
        expect(JSON.parse(quoted)).toHaveProperty("msg");
      }),
    );
  });
  test("also in JSON inside a text", () => {
    const line = redact(JSON.stringify({ msg: `sent ${JSON.stringify({ password: "hunter2", a: 1 })}` }));
    expect(JSON.parse(line)).toEqual({ msg: 'sent {"password":"(hidden)","a":1}' });
  });
  test("names of other things are let be", () => {
    expect(redact('{"secretary":"Ada","keys":["key_1"]}')).toBe('{"secretary":"Ada","keys":["key_1"]}');
    expect([isSecretName("Authorization"), isSecretName("secret"), isSecretName("secrets")]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe("by heart, where the environment brings it", () => {
  test.each([
    ["ADMIN_KEY", planted],
    ["AWS_SECRET_ACCESS_KEY", planted],
    ["OTEL_EXPORTER_OTLP_HEADERS", `api-key=${planted}`],
    ["REDIS_URL", `redis://:${encodeURIComponent(planted)}@host:6379`],
  ])("%s", (name, value) => {
    const redact = redaction({ [name]: value });
    for (const text of [planted, encodeURIComponent(planted), JSON.stringify({ planted })])
      expect(redact(`x ${text} y`)).not.toMatch(/planted[^"]/);
  });
  test("a word too short to be known is not looked for", () => {
    expect(redaction({ REDIS_URL: "redis://:redis@host" })("the redis is away")).toBe("the redis is away");
  });
});
