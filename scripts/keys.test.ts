/** `npm run keys`, as a process on a real Redis, and an api that takes what it makes. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noLimits } from "../schemas/access.ts";
import { newId } from "../services/shared/ids.ts";
import { startTestApp, type TestApp } from "../tests/support/app.ts";
import { until } from "../tests/support/stack.ts";

const script = fileURLToPath(new URL("../dist/scripts/keys.js", import.meta.url));
let test: TestApp;

beforeAll(async () => {
  test = await startTestApp({ AUTH: "keys" });
});
afterAll(() => test.stop());

interface Ended {
  code: number;
  out: string;
  err: string;
}

const keys = (...words: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const { url, dir } = test.server;
    const env = { ...process.env, REDIS_URL: url, DATA_DIR: dir };
    execFile(process.execPath, [script, ...words], { env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });

const statusWith = async (key: string): Promise<number> =>
  (await test.app.inject({ url: "/v1/session", headers: { authorization: `Bearer ${key}` } })).statusCode;

describe("npm run keys", () => {
  it("creates a key that is shown once, lists it without, and revokes it", async () => {
    const made = await keys("create", "--name", "laptop", "--scope", "read", "--expires", "2999-01-31");
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^fm_[\w-]{43}\n$/) as string });
    const [key, id = ""] = [made.out.trim(), /^key_\w{26}/.exec(made.err)?.[0]];
    expect(made.err).toMatch(/^key_\w{26}: read in prj_default; the key is shown this once\n$/);
    expect(await statusWith(key)).toBe(200);
    const listed = await keys("list");
    expect([listed.code, listed.out.match(/^.*laptop$/gm)]).toEqual([
      0,
      [expect.stringMatching(`^${id}  read   prj_default  used .*  ends 2999-01-31T00:00:00.000Z  laptop$`)],
    ]);
    expect(listed.out + listed.err).not.toContain(key);
    expect(await keys("revoke", id)).toEqual({ code: 0, out: `${id} is revoked\n`, err: "" });
    await until(
      () => statusWith(key),
      (status) => status === 401,
      "the end of the key",
    );
    expect((await keys("list")).out).not.toContain(id);
  });

  it("makes keys of a project that there is", async () => {
    const id = newId("project");
    const createdAt = new Date().toISOString();
    await test.dependencies.records.projects.create({ id, name: "others", limits: noLimits, createdAt });
    expect((await keys("create", "--name", "theirs", "--project", id)).err).toContain(`write in ${id}`);
  });

  it.each([
    [["create"], "--name: expected what a person calls the key"],
    [["create", "--name", "x", "--scope", "all"], "--scope: expected read, write, admin, found 'all'"],
    [["create", "--name", "x", "--expires", "2001-01-01"], "--expires: expected a time to come"],
    [["create", "--name", "x", "--project", "prj_x"], "--project: there is no project prj_x"],
    [["revoke", "key_x"], "there is no key key_x; list names them"],
    [["revoke"], "expected one of"],
    [["show"], "npm run keys -- create --name NAME"],
    [["list", "--nonesuch"], "--nonesuch"],
  ])("refuses %j in a sentence", async (words, sentence) => {
    const ended = await keys(...words);
    expect([ended.code, ended.out]).toEqual([1, ""]);
    expect(ended.err).toContain(sentence);
    expect(ended.err).not.toMatch(/^ {4}at /m);
  });
});
