/** An S3 server in this process, with one bucket in a temporary folder. */
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Server {
  run(): Promise<{ port: number }>;
  close(): Promise<void>;
}
const S3rver = createRequire(import.meta.url)("s3rver") as new (options: object) => Server;

export interface TestS3 {
  /** For STORAGE_URL. */
  url: string;
  stop(): Promise<void>;
}

/** Sets the credentials of this process, as AWS clients read them. */
export async function startTestS3(): Promise<TestS3> {
  process.env["AWS_ACCESS_KEY_ID"] = "S3RVER";
  process.env["AWS_SECRET_ACCESS_KEY"] = "S3RVER";
  const directory = await mkdtemp(join(tmpdir(), "s3-"));
  const server = new S3rver({
    port: 0,
    address: "127.0.0.1",
    silent: true,
    directory,
    resetOnClose: true,
    configureBuckets: [{ name: "maps" }],
  });
  const { port } = await server.run();
  return {
    url: `s3://maps/tests?endpoint=${encodeURIComponent(`http://127.0.0.1:${port}`)}&region=us-east-1`,
    stop: async () => {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
