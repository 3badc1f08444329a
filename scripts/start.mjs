/**
 * `npm start`, `npm run api`, `npm run worker`: a process of the product, from whatever state the clone is in. Stays
 * until Ctrl-C.
 */
import { prepare } from "./prepare.mjs";

const [name = "stack"] = process.argv.slice(2);

try {
  await prepare();
} catch (error) {
  console.error(`build: ${error.message}`);
  process.exit(1);
}
await import(`../dist/services/${name}/main.js`);
