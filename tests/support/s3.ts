/** An S3 server in this process, with one bucket in a temporary folder. */
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Server {
  run(): Promise<{ port: number }>;
  close(): Promise<void>;
}
const require = createRequire(import.meta.url);
const S3rver = require("s3rver") as new (options: object) => Server;
const { DUMMY_ACCOUNT: account } = require("s3rver/lib/models/account") as {
  DUMMY_ACCOUNT: { createKeyPair(id: string, secret: string): void };
};

export interface TestS3 {
  /** For STORAGE_URL. */
  url: string;
  /** Asked again it waits for the same. */
  stop(): Promise<void>;
}

/** Sets the credentials of this process, as AWS clients read them. */
export async function startTestS3(secret = "S3RVER"): Promise<TestS3> {
  account.createKeyPair("S3RVER", secret);
  process.env["AWS_ACCESS_KEY_ID"] = "S3RVER";
  process.env["AWS_SECRET_ACCESS_KEY"] = secret;
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
  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  };
  return {
    url: `s3://maps/tests?endpoint=${encodeURIComponent(`http://127.0.0.1:${port}`)}&region=us-east-1`,
    stop: () => (stopped ??= stop()),
  };
}
