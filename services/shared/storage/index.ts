/** The storage that the configuration asks for. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../config.ts";
import { FileStorage } from "./file-storage.ts";
import { S3Storage } from "./s3-storage.ts";
import type { Storage } from "./storage.ts";

export { layout } from "./layout.ts";
export { Sharing } from "./sharing.ts";
export { digestOf } from "./digesting.ts";
export { StorageError, getJson, isStorageFault, putJson } from "./storage.ts";
export type { Listed, Storage, StorageFault, Stored } from "./storage.ts";

export function createStorage(config: Pick<Config, "storageUrl" | "dataDir">): Storage {
  if (config.storageUrl.startsWith("s3:"))
    return new S3Storage({ url: config.storageUrl, cacheDir: join(config.dataDir, "cache") });
  return new FileStorage({ root: fileURLToPath(config.storageUrl), description: config.storageUrl });
}
