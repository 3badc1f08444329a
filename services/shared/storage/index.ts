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
export { NoSpace, holdElsewhere, holdSpace, holdingSpace, type Hold, type SpaceAsked } from "./space.ts";
export { StorageError, getJson, isStorageFault, putJson } from "./storage.ts";
export type { Listed, Storage, StorageFault, Stored } from "./storage.ts";

/** Without `datasets` it leaves nothing of the disk free. */
export function createStorage(
  config: Pick<Config, "storageUrl" | "dataDir"> & { datasets?: Pick<Config["datasets"], "MIN_FREE_BYTES"> },
): Storage {
  const leaveBytes = config.datasets?.MIN_FREE_BYTES ?? 0;
  if (config.storageUrl.startsWith("s3:"))
    return new S3Storage({ url: config.storageUrl, cacheDir: join(config.dataDir, "cache"), leaveBytes });
  return new FileStorage({ root: fileURLToPath(config.storageUrl), description: config.storageUrl, leaveBytes });
}
