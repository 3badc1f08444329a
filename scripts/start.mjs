/**
 * `npm start`, `npm run api`, `npm run worker`: a process of the product, from whatever state the clone is in. Stays
 * until Ctrl-C.
 */
import { prepare } from "./prepare.mjs";

const [name = "stack"] = process.argv.slice(2);
const starter = process.ppid;

try {
  await prepare();
} catch (error) {
  console.error(`build: ${error.message}`);
  process.exit(1);
}
// Whoever npm ran us for may have ended npm while we built.
if (process.env.npm_lifecycle_event !== undefined && process.ppid !== starter) process.exit(0);
await import(`../dist/services/${name}/main.js`);
