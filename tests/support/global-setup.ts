/** Builds once before any ring runs: threads and processes start from dist/. */
import { build } from "../../scripts/build.mjs";

export default async function setup(): Promise<void> {
  await build();
}
