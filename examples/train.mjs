/**
 * From a folder of pictures to a model, with the client.
 *     node train.mjs ./pets
 */
import { createReadStream } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { Client, Problem } from "feature-maps-client";

const [folder] = process.argv.slice(2);
const client = new Client(process.env.FEATURE_MAPS_URL ?? "http://127.0.0.1:3000", {
  key: process.env.FEATURE_MAPS_KEY,
});

/** Files that are read when they are sent. */
async function filesBelow(root) {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return Promise.all(
    paths.sort().map(async (path) => ({
      path: relative(root, path),
      content: { size: (await stat(path)).size, open: () => createReadStream(path) },
    })),
  );
}

try {
  const files = await filesBelow(folder);
  const { id } = await client.datasets.upload(
    { folder: files },
    { name: "pictures", size: 16, splits: { test: 0.2 } },
    { onProgress: ({ sentBytes, totalBytes }) => process.stderr.write(`\r${sentBytes} of ${totalBytes} bytes`) },
  );
  const dataset = await client.datasets.wait(id);
  if (dataset.status === "rejected") throw new Error(dataset.problems.map(({ detail }) => detail).join("\n"));

  const { id: job } = await client.jobs.create({ dataset: id, network: "fast-mnist", epochs: 12 });
  const { status, model, result, error } = await client.jobs.wait(job, {
    onEvent: (event) => {
      if (event.type === "epoch") console.log(`epoch ${event.data.epoch}: loss ${event.data.loss}`);
    },
  });
  if (status !== "succeeded") throw new Error(error?.detail ?? status);
  console.log(`model ${model}: ${result.test.accuracy} of ${result.test.samples} test pictures are right`);

  const picture = files.find(({ path }) => path.endsWith(".png"));
  const bytes = await readFile(join(folder, picture.path));
  const { predictions } = await client.models.predict(model, new Blob([bytes]));
  console.log(`${picture.path} is ${predictions[0].name}, with confidence ${predictions[0].confidence}`);
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  console.error(error.message, error.errors);
  process.exitCode = 1;
}
