/** `npm run demo`: from a fresh clone to a network that reads digits, over HTTP, and nothing left behind. */
import { prepare } from "./prepare.mjs";

try {
  await prepare();
} catch (error) {
  console.error(`build: ${error.message}`);
  process.exit(1);
}
const { demo } = await import("../dist/scripts/demo/demo.js");
process.exit(await demo({ fast: process.argv.includes("--fast") }));
