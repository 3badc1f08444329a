/** The command line as a person or a script meets it: processes, pipes, signals and exit codes. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job } from "../../client/index.ts";
import { writePictures } from "../support/pictures.ts";
import { json, refusal, startScriptedServer, type ScriptedServer } from "../support/scripted-server.ts";
import { startStackWithStrokes, strokesNetwork } from "../support/strokes.ts";
import type { Stack } from "../support/stack.ts";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
let stack: Stack;
let scripted: ScriptedServer;
let folder: string;

beforeAll(async () => {
  [stack, scripted] = await Promise.all([startStackWithStrokes(), startScriptedServer()]);
  folder = await mkdtemp(join(tmpdir(), "maps-command-line-"));
  await writePictures(join(folder, "pets"));
});
afterAll(async () => {
  await Promise.all([stack.stop(), scripted.stop()]);
  await rm(folder, { recursive: true, force: true });
});

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

const start = (words: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn(process.execPath, [main, ...words], {
    cwd: folder,
    env: { ...process.env, FEATURE_MAPS_URL: stack.api.url, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
/** Until it has written these words on stderr. */
const says = (child: ChildProcess, words: string): Promise<void> =>
  new Promise((resolve) => {
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(words)) resolve();
    });
  });

async function ended(child: ChildProcess): Promise<Ran> {
  const [out, err, [code]] = await Promise.all([
    child.stdout === null ? "" : text(child.stdout),
    child.stderr === null ? "" : text(child.stderr),
    once(child, "exit") as Promise<[number | null]>,
  ]);
  return { code, out, err };
}
const maps = (words: string, environment?: NodeJS.ProcessEnv): Promise<Ran> =>
  ended(
    start(
      words.split(" ").filter((word) => word !== ""),
      environment,
    ),
  );
const parsed = <Value>({ out, code, err }: Ran): Value => {
  expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as Value;
};
const things = async (): Promise<[string[], string[]]> => [
  (await stack.client.datasets.list()).data.map(({ id }) => id),
  (await stack.client.jobs.list()).data.map(({ id }) => id),
];
const small = "--network fast-mnist --size 16 --grey --epochs 12";

describe("train", () => {
  it("makes a folder of pictures a model, plainly where nobody looks", async () => {
    const { code, out, err } = await maps(
      `train ./pets ${small} --fit crop --background #fff7e0 --set /batchSize=20 --set /optimiser/learningRate=0.1`,
    );
    expect([code, err]).toEqual([0, expect.stringContaining("80 pictures, 2 classes")]);
    expect(err).not.toContain("\u001B");
    expect(err.match(/^epoch \d+\/12 {2}loss \S+ {2}accuracy [\d.]+ %/gm)).toHaveLength(12);
    expect(err).toContain("succeeded: all epochs were trained\n");
    const [job] = (await stack.client.jobs.list({ limit: 1 })).data;
    expect((await stack.client.datasets.get(job.dataset.id)).conversion).toMatchObject({
      fit: "crop",
      background: "#fff7e0",
    });
    const { checkpoint } = await stack.client.models.get(job.model ?? "");
    const [first, second, ...rest] = out.split("\n");
    expect([first, rest]).toEqual([
      expect.stringMatching(/^test accuracy [\d.]+ % on 16 pictures$/),
      [`model ${job.model}`, ""],
    ]);
    expect(second).toBe(`kept epoch ${checkpoint?.epoch}, the last: no split decides which is best`);
    expect(job.request).toMatchObject({
      epochs: 12,
      batchSize: 20,
      optimiser: { kind: "nesterov", learningRate: 0.1 },
    });

    const model = /mdl_\w+/.exec(out)?.[0] ?? "";
    expect((await stack.client.models.get(model)).name).toBe("pets");
    const told = await maps(`predict ${model} pets/cat/1.png pets/dog/2.png --top 2`);
    expect(told.code).toBe(0);
    expect(told.out).toMatch(/^PICTURE +CLASS +CONFIDENCE\npets\/cat\/1\.png +\w+ +[\d.]+ %\n +\w+ +[\d.]+ %\npets/);
    const rows = parsed<{ file: string; confidence: number }[]>(await maps(`predict ${job.id} pets/cat/1.png --json`));
    expect(rows).toEqual([
      expect.objectContaining({ file: "pets/cat/1.png", confidence: expect.any(Number) as number }),
    ]);
    await writeFile(join(folder, "words.png"), "no picture");
    const refused = await maps(`predict ${model} words.png`);
    expect([refused.code, refused.err]).toEqual([2, expect.stringMatching(/words\.png: .*found text, neither a PNG/)]);
    expect((await maps(`models export ${model} onnx -o m.onnx`)).out).toMatch(/^m\.onnx, /);
    expect((await readFile(join(folder, "m.onnx"))).length).toBeGreaterThan(1000);
    expect((await maps(`models export ${model} docx`)).code).toBe(2);
    expect((await maps(`models delete ${model}`)).out).toBe(`${model} is deleted\n`);
    expect((await maps(`models show ${model}`)).code).toBe(4);
  });

  it("answers the job as JSON, and nothing else on stdout", async () => {
    const layers = `/network=${JSON.stringify(strokesNetwork).replaceAll(" ", "")}`;
    const job = parsed<Job>(
      await maps(
        `train strokes --network toolbox --epochs 2 --json --set ${layers} --set /validation={"fraction":0.2}`,
      ),
    );
    expect(job).toMatchObject({ status: "succeeded", model: expect.stringMatching(/^mdl_/) as string });
    const logs = await maps(`logs ${job.id}`);
    expect(logs.out).toMatch(/epoch 2 {2}loss/);
    const { checkpoint } = await stack.client.models.get(job.model ?? "");
    const watched = await maps(`watch ${job.id}`);
    expect(watched.out).toMatch(
      /^test accuracy .*\nkept epoch \d of 2, the best: validation accuracy [\d.]+ %\nmodel /,
    );
    expect(watched.out).toContain(`kept epoch ${checkpoint?.epoch} of 2`);
    // Called by nobody, it is called after its data and the time.
    expect((await stack.client.models.get(job.model ?? "")).name).toMatch(/^strokes, \d{4}-\d\d-\d\d \d\d:\d\d$/);
    expect((await maps(`jobs delete ${job.id} --models`)).code).toBe(0);
  });

  it("says how to come back where it is interrupted, and leaves the job running", async () => {
    const child = start([
      "train",
      "strokes",
      "--set",
      `/network=${JSON.stringify(strokesNetwork)}`,
      "--epochs",
      "100000",
    ]);
    const end = ended(child);
    await says(child, "epoch 1/");
    child.kill("SIGINT");
    const { code, err } = await end;
    const [job] = (await stack.client.jobs.list({ limit: 1 })).data;
    expect(code).toBe(130);
    expect(err).toContain(`npx feature-maps watch ${job.id}`);
    expect(job.terminal).toBe(false);
    const watching = start(["watch"]);
    const watched = ended(watching);
    // It finds the newest job that has not ended: the job must not end before.
    await says(watching, "epoch");
    expect((await maps(`jobs cancel ${job.id}`)).code).toBe(0);
    expect((await watched).code).toBe(6);
  });
});

describe("what cannot be used is told in a sentence, and leaves nothing behind", () => {
  it.each<[string, string, number, RegExp]>([
    ["no such command", "trian x", 2, /there is no command 'trian'/],
    ["no argument", "train", 2, /expected `npx feature-maps train FOLDER/],
    ["an unknown option", "train ./pets --epoch 3", 2, /unknown option '--epoch'/],
    ["a number that is none", "train ./pets --epochs many", 2, /--epochs: expected a number, found 'many'/],
    ["no such folder", "train ./dogs", 2, /there is no folder and no file \.\/dogs/],
    ["no such dataset", "train dogs", 4, /neither a folder or file dogs here nor a dataset/],
    ["a folder without pictures", "train ./empty", 2, /\.\/empty holds no pictures/],
    ["one class", "train ./single", 2, /all pictures lie in one folder, 'cat'/],
    ["names that collide", "train ./twice", 2, /'(cat|Cat)' and '(cat|Cat)' are nearly the same name/],
    ["a picture that is none", `train ./broken ${small}`, 1, /the dataset was rejected\n.*1\.png/],
    ["a field that does not exist", `train ./pets ${small} --set /epoch=3`, 4, /\/epoch: unknown field 'epoch'/],
    ["a value out of bounds", `train ./pets ${small} --set /batchSize=0`, 4, /\/batchSize: /],
    ["a network that does not fit", "train strokes --network toolbox", 4, /needs samples of at least 16×16/],
    ["a job that does not exist", "watch job_x", 4, /there is no job job_x/],
    ["no such picture", "predict mdl_x no.png", 2, /there is no file no\.png/],
    [
      "a way to fit that there is none",
      "train ./pets --fit wide",
      2,
      /--fit: expected one of fit, crop, stretch, found 'wide'/,
    ],
    [
      "a colour that is none",
      "datasets upload ./pets --background pink",
      2,
      /--background: expected black, white or #rrggbb, found 'pink'/,
    ],
    ["an address that is none", "jobs --url nonsense", 2, /--url: expected an address/],
    [
      "nobody there",
      "jobs --url http://127.0.0.1:9",
      3,
      /no service answers at http:\/\/127\.0\.0\.1:9: start one with/,
    ],
  ])("%s", async (_, words, expected, sentence) => {
    const place = (path: string) => join(folder, path);
    await Promise.all(
      ["empty", "single/cat", "twice/cat", "twice/Cat", "broken/a", "broken/b"].map((each) =>
        mkdir(place(each), { recursive: true }),
      ),
    );
    for (const path of ["single/cat/1.png", "twice/cat/1.png", "twice/Cat/1.png", "broken/a/1.png", "broken/b/1.png"])
      await writeFile(place(path), "no picture");
    const before = await things();
    const { code, out, err } = await maps(words);
    expect({ code, out, err }).toEqual({ code: expected, out: "", err: expect.stringMatching(sentence) as string });
    expect(err).not.toMatch(/^\s+at /m);
    expect(await things()).toEqual(before);
  });
});

describe("a service that", () => {
  const at = () => ({ FEATURE_MAPS_URL: scripted.url });
  const live = (version: string) => json({ status: "live", version });

  it("refuses the key ends with 5, and asks for one", async () => {
    scripted.script(live("0.1.0"), refusal(401, "unauthorized"));
    const { code, err } = await maps("jobs --key fm_wrong", at());
    expect([code, err]).toEqual([5, expect.stringContaining("give a valid one with --key or FEATURE_MAPS_KEY")]);
    expect(scripted.heard[1].headers.authorization).toBe("Bearer fm_wrong");
  });
  it("is too new is asked nothing more", async () => {
    scripted.script(live("99.0.0"));
    const { code, err } = await maps("train ./pets", at());
    expect([code, err]).toEqual([7, expect.stringMatching(/is version 99\.0\.0, too new .*git pull/)]);
    expect(scripted.heard.map(({ method }) => method)).toEqual(["GET"]);
  });
  it("is none of ours ends with 3", async () => {
    scripted.script((response) => void response.writeHead(200, { "content-type": "text/html" }).end("<p>hello</p>"));
    expect((await maps("jobs", at())).code).toBe(3);
  });
});

it("makes a key that lets in, and takes it back", async () => {
  const admin = `fm_${"a".repeat(40)}`;
  const api = await stack.startApi({ AUTH: "keys", ADMIN_KEY: admin });
  try {
    const at = (key: string) => ({ FEATURE_MAPS_URL: api.url, FEATURE_MAPS_KEY: key });
    expect((await maps("jobs", at(""))).code).toBe(5);
    const key = (await maps("keys create laboratory --scope read", at(admin))).out.trim();
    expect(key).toMatch(/^fm_/);
    expect((await maps("jobs", at(key))).code).toBe(0);
    const rows = parsed<{ id: string; name: string }[]>(await maps("keys --json", at(admin)));
    const made = rows.find(({ name }) => name === "laboratory");
    expect((await maps("keys", at(key))).code).toBe(5);
    expect((await maps(`keys delete ${made?.id}`, at(admin))).code).toBe(0);
    await expect.poll(async () => (await maps("jobs", at(key))).code).toBe(5);
  } finally {
    await api.end();
  }
});

it("ends quietly where whoever reads it goes away", async () => {
  const child = start(["logs", "job_1"], { FEATURE_MAPS_URL: scripted.url });
  const event = { id: "1", type: "warning", at: "2026-11-26T00:00:00Z", data: { code: "c", detail: "x".repeat(1000) } };
  scripted.script(
    json({ status: "live", version: "0.1.0" }),
    json({ data: Array.from({ length: 1000 }, () => event), hasMore: true, nextAfter: "1" }),
  );
  const errors = child.stderr === null ? "" : text(child.stderr);
  child.stdout?.once("data", () => child.stdout?.destroy());
  const [code] = (await once(child, "exit")) as [number];
  expect([code, await errors]).toEqual([141, ""]);
});

it("starts a service of its own where none answers, and ends it", async () => {
  const port = await new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = server.address() as { port: number };
      server.close(() => resolve(free));
    });
  });
  const environment = { FEATURE_MAPS_URL: undefined, PORT: String(port), DATA_DIR: join(folder, "data") };
  const own = (words: string) => maps(words, environment);
  try {
    const started = parsed<{ url: string; pid: number }>(await own("up --background --json"));
    expect(started.url).toBe(`http://127.0.0.1:${port}`);
    expect((await own("up")).out).toContain("answers already");
    expect((await own("datasets")).code).toBe(0);
    expect((await own("open --json")).out).toContain(started.url);
    expect((await own("logs")).out).toContain(`listening on ${started.url}`);
  } finally {
    expect((await own("down")).out).toContain("has ended");
  }
  expect((await own("down")).out).toContain("no service runs");
});

describe("completion", () => {
  it.each([
    ["bash", ["-n"]],
    ["zsh", ["-n"]],
    ["fish", ["--no-execute"]],
  ])("for %s is read by it, where there is one", async (shell, flags) => {
    const { out } = await maps(`completion ${shell}`);
    expect(out).toMatch(/train/);
    const file = join(folder, `completion.${shell}`);
    await writeFile(file, out);
    const child = spawn(shell, [...flags, file], { stdio: ["ignore", "ignore", "pipe"] });
    const read = await Promise.race([once(child, "error").then(() => null), ended(child)]);
    if (read !== null) expect([read.code, read.err]).toEqual([0, ""]);
  });
  it("in bash offers commands, options, choices and files", async () => {
    const { out } = await maps("completion bash");
    const complete = async (...words: string[]): Promise<string[]> => {
      const script = `${out}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _feature_maps; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const ran = await ended(spawn("bash", ["-c", script], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] }));
      return ran.out.split("\n").filter((line) => line !== "");
    };
    expect(await complete("feature-maps", "tr")).toEqual(["train"]);
    expect(await complete("feature-maps", "train", "--ep")).toEqual(["--epochs"]);
    expect(await complete("feature-maps", "train", "pe")).toEqual(["pets"]);
    expect(await complete("feature-maps", "train", "x", "--network", "le")).toEqual(["lenet-5"]);
    expect(await complete("feature-maps", "models", "ex")).toEqual(["export"]);
  });
});
