import { expect, test } from "vitest";
import { read } from "./tree.ts";

const documented = [...read("docs/OPERATIONS.md").matchAll(/^\| `([A-Z][A-Z_]+)` /gm)].map(([, name]) => name);

/** What the containers fix for themselves. */
const fixed = ["DATA_DIR", "HOST", "PORT", "REDIS_URL"];
/** Read by the libraries of Redis and S3, and by Grafana, not by us. */
const foreign = [
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "GF_ANALYTICS_CHECK_FOR_UPDATES",
  "GF_ANALYTICS_REPORTING_ENABLED",
  "GF_SECURITY_ADMIN_PASSWORD",
  "REDIS_PASSWORD",
];

test("docker-compose.yml passes every documented variable, and no others", () => {
  const set = [...read("docker-compose.yml").matchAll(/^ +([A-Z][A-Z_]+):(?: \$\{\1[:}])?/gm)];
  const names = [...new Set(set.map(([, name]) => name))];
  expect(names.toSorted()).toEqual([...documented, ...foreign].toSorted());
  const passed = set.filter(([text]) => text.includes("$")).map(([, name]) => name);
  expect(documented.filter((name) => !passed.includes(name)).toSorted()).toEqual(fixed);
});
