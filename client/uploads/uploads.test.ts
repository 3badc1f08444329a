import { once } from "node:events";
import { Readable } from "node:stream";
import { extract } from "tar-stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { json, refusal, startScriptedServer, type ScriptedServer } from "../../tests/support/scripted-server.ts";
import { Client, Unreadable, usualSettings, type FolderFile, type UploadProgress } from "../index.ts";
import { bytesOfSegments, sizeOf } from "./segments.ts";
import { filesOf } from "./folder.ts";
import { tar } from "./tar.ts";

let server: ScriptedServer;
let client: Client;
beforeAll(async () => {
  server = await startScriptedServer();
  client = new Client(server.url);
});
afterAll(() => server.stop());

const bytes = (length: number, value = 7): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(value);
const source = (content: Uint8Array, size: number | null = content.length) => ({
  size,
  open: async function* () {
    yield content.subarray(0, 3);
    yield content.subarray(3);
  },
});

/** What another reader of TAR finds in one. */
async function unpacked(files: readonly FolderFile[]): Promise<[string, number][]> {
  const found: [string, number][] = [];
  const reader = extract();
  reader.on("entry", (header, stream, next) => {
    void (async () => {
      let size = 0;
      for await (const chunk of stream) size += (chunk as Buffer).length;
      expect(size).toBe(header.size);
      found.push([header.name, size]);
      next();
    })();
  });
  const segments = tar(files);
  const done = once(reader, "finish");
  Readable.from(bytesOfSegments(segments)).pipe(reader);
  await done;
  expect((sizeOf(segments) ?? 1) % 512).toBe(0);
  return found;
}

describe("a TAR", () => {
  it("holds every file under its name: long, of other alphabets, empty, a block less or more", async () => {
    const files: FolderFile[] = [
      { path: "a/1.png", content: bytes(0) },
      { path: "a/2.png", content: bytes(511) },
      { path: "a/3.png", content: new Blob([bytes(512)]) },
      { path: "ü/katze.png", content: bytes(513) },
      { path: `${"x".repeat(99)}`, content: bytes(1) },
      { path: `${"x".repeat(100)}`, content: bytes(1) },
      { path: `${"y".repeat(101)}`, content: { ...source(bytes(9)), size: 9 } },
      { path: `${"ü".repeat(300)}/1.png`, content: bytes(5) },
    ];
    expect(await unpacked(files)).toEqual(
      files.map(({ path, content }) => [path, content instanceof Uint8Array ? content.length : content.size]),
    );
  });

  it("says in its pax header what eleven octal digits cannot", () => {
    const huge = { path: "huge", content: { ...source(bytes(9)), size: 8 ** 11 } };
    expect(new TextDecoder().decode(tar([huge])[1] as Uint8Array)).toBe("19 size=8589934592\n");
  });

  it("refuses two files of one path, and none", () => {
    const one = { path: "a/1.png", content: bytes(1) };
    expect(() => tar([one, one])).toThrow("two files have the path 'a/1.png'");
    expect(() => tar([])).toThrow("holds no file");
  });
});

describe("the files of a folder", () => {
  const file = (name: string, webkitRelativePath = "") => Object.assign(new Blob([name]), { name, webkitRelativePath });
  const paths = async (folder: Parameters<typeof filesOf>[0]) => (await filesOf(folder)).map(({ path }) => path);

  it("come from a picker, in the order of their paths, without litter", async () => {
    const picked = [
      file("2.png", "pets/dog/2.png"),
      file("1.png", "pets/cat/1.png"),
      file(".DS_Store", "pets/.DS_Store"),
      file("Thumbs.db", "pets/cat/Thumbs.db"),
      file("x", "__MACOSX/pets/x"),
    ];
    expect(await paths(picked)).toEqual(["pets/cat/1.png", "pets/dog/2.png"]);
  });

  it("come from what was dropped, however many answers its reader needs", async () => {
    const leaf = (name: string) => ({
      isFile: true,
      isDirectory: false,
      name,
      file: (done: (blob: Blob) => void) => done(file(name)),
    });
    const folder = (name: string, ...answers: object[][]) => ({
      isFile: false,
      isDirectory: true,
      name,
      createReader: () => {
        const left = [...answers];
        return { readEntries: (done: (entries: object[]) => void) => done(left.shift() ?? []) };
      },
    });
    const dropped = folder("pets", [folder("cat", [leaf("1.png")], [leaf("2.png")])], [folder("dog", [leaf("3.png")])]);
    expect(await paths(dropped)).toEqual(["pets/cat/1.png", "pets/cat/2.png", "pets/dog/3.png"]);
  });

  it("come from a handle of a directory", async () => {
    const handle = (name: string, children: object[]) => ({
      kind: "directory" as const,
      name,
      values: async function* () {
        yield* children as never[];
      },
    });
    const leaf = { kind: "file", name: "1.png", getFile: async () => file("1.png") };
    expect(await paths(handle("pets", [handle("cat", [leaf])]))).toEqual(["cat/1.png"]);
  });
});

describe("an upload", () => {
  it("arrives as a form of known length, with its progress told and its fields as text", async () => {
    server.script(json({ id: "ds_1" }, 202));
    const progress: UploadProgress[] = [];
    const files = { file: { name: 'a"b.csv', content: source(bytes(2000)) }, testFile: new Blob(["1,2"]) };
    await client.datasets.upload(
      files,
      { name: "n", splits: { test: 0.2 }, size: 5, header: true },
      { onProgress: (each) => progress.push(each) },
    );
    const [heard] = server.heard;
    expect(heard.headers["content-length"]).toBe(String(heard.body.length));
    expect(progress.at(-1)).toEqual({ sentBytes: heard.body.length, totalBytes: heard.body.length });
    expect(progress.length).toBeGreaterThan(3);
    const headers = { "content-type": heard.headers["content-type"] ?? "" };
    const form = await new Response(new Uint8Array(heard.body), { headers }).formData();
    expect([form.get("name"), form.get("splits"), form.get("size"), form.get("header")]).toEqual([
      "n",
      '{"test":0.2}',
      "5",
      "true",
    ]);
    const sent = form.get("file") as File;
    expect(sent.size).toBe(2000);
    expect(heard.body.toString("latin1")).toContain('filename="a%22b.csv"');
    expect(await (form.get("testFile") as File).text()).toBe("1,2");
  });

  it("is sent again with the same key where the service was busy", async () => {
    server.script(refusal(503, "overloaded", { "retry-after": "0" }), json({ id: "ds_1" }, 202));
    await client.datasets.upload({ file: source(bytes(9)) });
    expect(server.heard.length).toBe(2);
    expect(server.heard[0].headers["idempotency-key"]).toBe(server.heard[1].headers["idempotency-key"]);
    expect(server.heard[0].body).toEqual(server.heard[1].body);
  });

  it("of a stream is sent once, and its length stays unknown", async () => {
    server.script(refusal(503, "overloaded", { "retry-after": "0" }));
    const stream = new Blob([bytes(9)]).stream();
    await expect(client.datasets.upload({ file: { name: "a.csv", content: stream } })).rejects.toThrow("overloaded");
    expect(server.heard.length).toBe(1);
    expect(server.heard[0].headers["content-length"]).toBeUndefined();
  });

  it("of a file that is gone says so, and is not tried again", async () => {
    server.script(json({ id: "ds_1" }, 202));
    let opened = 0;
    const gone = {
      size: 10,
      open: async function* () {
        opened++;
        yield bytes(2);
        throw new Error("no such file: cat.png");
      },
    };
    const failed = await client.datasets
      .upload({ folder: [{ path: "cat.png", content: gone }] })
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Unreadable);
    expect(String(failed)).toContain("no such file: cat.png");
    expect(opened).toBe(1);
  });

  it("ends with its signal", async () => {
    server.script(json({}));
    const ending = new AbortController();
    const endless = async function* () {
      for (;;) {
        yield bytes(1000);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    setTimeout(() => ending.abort(new Error("enough")), 50);
    await expect(client.datasets.upload({ file: endless() }, {}, { signal: ending.signal })).rejects.toThrow("enough");
  });
});

describe("usual settings", () => {
  /** As much of a PNG as says its size. */
  const png = (width: number, height: number): Uint8Array<ArrayBuffer> => {
    const head = new Uint8Array(40);
    head.set([0x89, 0x50, 0x4e, 0x47]);
    new DataView(head.buffer).setUint32(16, width);
    new DataView(head.buffer).setUint32(20, height);
    return head;
  };
  const files = (...contents: [string, FolderFile["content"]][]): FolderFile[] =>
    contents.map(([path, content]) => ({ path, content }));

  it("fit pictures that differ, whichever way they are read, and keep some for the test", async () => {
    const folder = files(
      ["a/1.png", new Blob([png(7, 5)])],
      ["a/2.png", png(7, 5)],
      ["b/1.png", { ...source(png(9, 40)), size: 40 }],
    );
    expect(await usualSettings(folder)).toEqual({ size: 40, splits: { test: 0.2 } });
  });
  it("leave alike pictures and given splits as they are, and look at no name of the whole", async () => {
    const alike = (...paths: string[]) => usualSettings(paths.map((path) => ({ path, content: png(7, 5) })));
    expect(await alike("train/a/1.png", "train/b/1.png", "test/a/1.png")).toEqual({});
    expect(await alike("pets/train/a/1.png", "pets/test/b/1.png")).toEqual({});
    expect(await alike("test pictures/a/1.png", "test pictures/b/1.png")).toEqual({ splits: { test: 0.2 } });
  });
  it("are none for a folder without pictures, and not held up by one that cannot be read", async () => {
    expect(await usualSettings(files(["train.csv", bytes(40)], ["test.csv", bytes(40)]))).toEqual({});
    const open = (): never => {
      throw new Error("gone");
    };
    const gone = { size: 9, open };
    expect(await usualSettings(files(["a/1.png", gone], ["b/1.png", bytes(9)]))).toEqual({ splits: { test: 0.2 } });
  });
});
