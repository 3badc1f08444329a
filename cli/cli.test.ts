/** What the command line decides by itself: pointers, versions, folders, sizes, curves, help. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { usualSettings, type Client, type JobRequest } from "../client/index.ts";
import { extentOf } from "../client/uploads/picture-size.ts";
import { drawCurves } from "./chart.ts";
import { parse } from "./command.ts";
import { exportCommand } from "./commands/files.ts";
import { commands } from "./commands/index.ts";
import { exitCodes, Failure } from "./failures.ts";
import { readFolder } from "./folder.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { createOutput } from "./output.ts";
import { assign, parseAssignment } from "./pointers.ts";
import { background, endBackground } from "./service.ts";
import { isNewer } from "./version.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "maps-cli-"));
});
afterAll(() => rm(root, { recursive: true }));

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "teal" } });

/** Files with those names; what they hold is no matter where it is not said. */
async function folder(name: string, files: Record<string, Buffer | string>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name, path)), { recursive: true });
    await writeFile(join(root, name, path), content);
  }
  return join(root, name);
}
const refused = async (asked: Promise<unknown>): Promise<string> => {
  const error = await asked.then(
    () => null,
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(Failure);
  expect((error as Failure).code).toBe(exitCodes.usage);
  return (error as Failure).message;
};

describe("--set", () => {
  it("takes JSON where it is JSON, and text else", () => {
    expect(
      ["/a=1", "/a=true", "/a=lenet-5", '/a={"b":[2]}', "/a=x=y"].map((text) => parseAssignment(text).value),
    ).toEqual([1, true, "lenet-5", { b: [2] }, "x=y"]);
    expect(parseAssignment("/a~1b/~0c=1").path).toEqual(["a/b", "~c"]);
  });
  it.each(["epochs=3", "/epochs", "=3", "/a~2=3"])("refuses %s", (text) => {
    expect(() => parseAssignment(text)).toThrow(/expected a pointer and a value/);
  });
  it("changes a part of what the service would fill in", () => {
    const request: JobRequest = { dataset: "pets", network: "lenet-5" };
    const complete = { optimiser: { kind: "nesterov", learningRate: 0.2 }, network: { layers: [{ maps: 6 }] } };
    const assignments = ["/optimiser/learningRate=0.05", "/network/layers/0/maps=7", "/epochs=2"].map(parseAssignment);
    expect(assign(request, assignments, complete)).toEqual({
      dataset: "pets",
      network: { layers: [{ maps: 7 }] },
      optimiser: { kind: "nesterov", learningRate: 0.05 },
      epochs: 2,
    });
    expect(request).toEqual({ dataset: "pets", network: "lenet-5" });
    expect(() => assign(request, [parseAssignment("/nothing/here=1")], complete)).toThrow(/nothing at 'nothing'/);
  });
});

it.each([
  ["0.1.0", "0.1.0", null],
  ["0.1.1", "0.1.0", "compatible"],
  ["0.2.0", "0.1.9", "incompatible"],
  ["1.0.0", "0.9.9", "incompatible"],
  ["1.3.0", "1.2.9", "compatible"],
  ["2.0.0", "1.9.9", "incompatible"],
  ["0.9.9", "1.0.0", null],
  ["", "0.1.0", null],
])("a service of version '%s' beside %s: %s", (theirs, ours, expected) => {
  expect(isNewer(theirs, ours)).toBe(expected);
});

describe("the service in the background", () => {
  afterEach(() => vi.unstubAllEnvs());
  it.each([
    ["is the one that the note says", ["dist/services/stack/main.js"], true],
    ["is none where another program has its number", [], false],
  ])("%s", async (_, words, found) => {
    const waiting = spawn(process.execPath, ["-e", "process.stdin.resume()", ...words], { stdio: "pipe" });
    await once(waiting, "spawn");
    const noted = { url: "http://127.0.0.1:3000", pid: waiting.pid };
    vi.stubEnv("DATA_DIR", await folder(`background-${found}`, { "service.json": JSON.stringify(noted) }));
    expect(await background()).toEqual(found ? noted : null);
    const ended = once(waiting, "exit");
    if (!found) expect(await endBackground()).toBeNull();
    waiting.stdin.end();
    expect(await ended).toEqual([0, null]);
  });
});

describe("an export", () => {
  const save = (path: string, body: ReadableStream | string) => {
    const models = { export: () => Promise.resolve(new Response(body)) };
    return exportCommand.run({
      given: parse(exportCommand, ["mdl_1", "onnx", "-o", path]),
      out: { ...createOutput({ json: false }), say: () => undefined },
      signal: new AbortController().signal,
      connect: () => Promise.resolve({ client: { models } as unknown as Client, url: "" }),
    });
  };
  it("is whole or as before, whatever an earlier one left behind", async () => {
    const path = join(await folder("exports", { "m.onnx": "before", "m.onnx.partial": "half" }), "m.onnx");
    const chunks = [Buffer.from("half")];
    const breaksOff = new ReadableStream({
      pull(controller) {
        const chunk = chunks.pop();
        if (chunk) controller.enqueue(chunk);
        else controller.error(new Error("it broke off"));
      },
    });
    await expect(save(path, breaksOff)).rejects.toThrow(/it broke off/);
    expect(await readFile(path, "utf8")).toBe("before");
    await save(path, "after");
    expect(await readFile(path, "utf8")).toBe("after");
    expect((await readdir(dirname(path))).toSorted()).toEqual(["m.onnx", "m.onnx.partial"]);
  });
  it("names a folder that is not there", async () => {
    expect(await refused(save(join(root, "nowhere", "m.onnx"), "-"))).toMatch(/m\.onnx cannot be written: ENOENT/);
  });
});

describe("a folder", () => {
  it("is looked through: pictures, classes, splits, without litter", async () => {
    const path = await folder("good", {
      "cat/1.png": "1",
      "cat/2.JPG": "22",
      "dog/3.webp": "333",
      "dog/notes.doc": "-",
      "dog/.hidden.png": "-",
      "__MACOSX/cat/1.png": "-",
    });
    const found = await readFolder(path);
    expect(found).toMatchObject({ pictures: 3, classes: ["cat", "dog"], bytes: 6 });
    expect(await usualSettings(found.files)).toEqual({ splits: { test: 0.2 } });
    expect(found.files.map((each) => each.path).toSorted()).toEqual(["cat/1.png", "cat/2.JPG", "dog/3.webp"]);
  });
  it("with splits of its own, or with a table of labels, is taken as it is", async () => {
    const split = await folder("split", { "train/a/1.png": "", "train/b/1.png": "", "test/a/1.png": "" });
    const { files, classes } = await readFolder(split);
    expect([classes, await usualSettings(files)]).toEqual([["a", "b"], {}]);
    const labelled = await folder("labelled", { "1.png": "", "2.png": "", "labels.csv": "file,label" });
    expect(await readFolder(labelled)).toMatchObject({ pictures: 2, classes: [] });
  });
  it("that nothing could be learned from is refused in a sentence, before anything is sent", async () => {
    expect(await refused(readFolder(await folder("empty", { "readme.md": "" })))).toMatch(
      /empty holds no pictures: exp/,
    );
    expect(await refused(readFolder(await folder("flat", { "1.png": "", "2.png": "" })))).toMatch(/lie in no folder/);
    expect(await refused(readFolder(await folder("single", { "cat/1.png": "", "cat/2.png": "" })))).toMatch(
      /all pictures lie in one folder, 'cat'/,
    );
  });
  it("whose names collide where others read them is refused", async () => {
    expect(await refused(readFolder(await folder("case", { "Cat/1.png": "", "cat/2.png": "" })))).toMatch(
      /'(Cat|cat)' and '(Cat|cat)' are nearly the same name/,
    );
    const composed = await folder("accents", { "caf\u00e9/1.png": "", "cafe\u0301/2.png": "" });
    expect(await refused(readFolder(composed))).toMatch(/nearly the same name/);
  });
  it("whose files vanish or change while they are read says which", async () => {
    const path = await folder("moving", { "a/1.png": "1", "b/1.png": "22" });
    const { files } = await readFolder(path);
    const read = async (name: string): Promise<void> => {
      const content = files.find((each) => each.path === name)?.content;
      if (content && "open" in content) for await (const _chunk of content.open() as AsyncIterable<Uint8Array>);
    };
    await rm(join(path, "a/1.png"));
    await expect(read("a/1.png")).rejects.toThrow(/a\/1\.png vanished/);
    await writeFile(join(path, "b/1.png"), "333");
    await expect(read("b/1.png")).rejects.toThrow(/b\/1\.png changed/);
  });
  it("is fitted to a size where its pictures differ or are large", async () => {
    const png = (width: number, height: number) => picture(width, height).png().toBuffer();
    const size = async (name: string, ...pictures: Buffer[]) => {
      const path = await folder(name, Object.fromEntries(pictures.map((each, at) => [`${at}/1.png`, each])));
      return (await usualSettings((await readFolder(path)).files)).size ?? null;
    };
    expect(await size("agree", await png(7, 5), await png(7, 5))).toBeNull();
    expect(await size("differ", await png(7, 5), await png(9, 5))).toBe(9);
    expect(await size("large", await png(300, 200), await png(300, 200))).toBe(64);
  });
});

it.each(["png", "jpeg", "gif", "webp"] as const)("reads the size of a %s", async (format) => {
  expect(extentOf(await picture(37, 21).toFormat(format).toBuffer())).toEqual({ width: 37, height: 21 });
});
it("reads the size of a lossless and an animated WebP, and of nothing else", async () => {
  expect(extentOf(await picture(300, 21).webp({ lossless: true }).toBuffer())).toEqual({ width: 300, height: 21 });
  const withAlpha = sharp({ create: { width: 40, height: 50, channels: 4, background: "#11223344" } });
  expect(extentOf(await withAlpha.webp().toBuffer())).toEqual({ width: 40, height: 50 });
  expect(extentOf(Buffer.alloc(100, 65))).toBeNull();
  expect(extentOf(Buffer.of(1))).toBeNull();
});

it("draws a curve from the lower left to the upper right", () => {
  const lines = drawCurves(
    [
      {
        points: [
          [0, 0],
          [1, 1],
        ],
      },
    ],
    { width: 4, height: 2, low: 0, high: 1 },
  );
  expect(lines).toEqual(["⠀⠀⢀⠴", "⣀⠔⠁⠀"].map(() => expect.stringMatching(/^[\u2800-\u28ff]{4}$/) as string));
  expect(lines[0].codePointAt(0)).toBe(0x2800);
  expect(lines[1].codePointAt(0)).not.toBe(0x2800);
  expect(lines[0].codePointAt(3)).not.toBe(0x2800);
  expect(lines[1].codePointAt(3)).toBe(0x2800);
});

describe("the help", () => {
  const expectFits = (text: string): void => {
    const lines = text.split("\n");
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  };
  it("fits a screen", () => expectFits(generalHelp(commands)));
  it.each(commands.map((command) => [command.name, command] as const))(
    "of %s fits a screen and has an example",
    (_, command) => {
      expectFits(commandHelp(command, commands));
      expect(command.example).toMatch(/feature-maps /);
    },
  );
});
