/**
 * Receives webhooks (Standard Webhooks) and takes none that is not signed with the secret, is older than five minutes,
 * or came before.
 *     SECRET=a-secret-of-16-letters-or-more PORT=8080 node webhook.mjs
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { SECRET: secret, PORT: port = "8080" } = process.env;
if (secret === undefined || secret.length < 16) {
  console.error("SECRET: expected the secret of the job's webhook, 16 letters or more");
  process.exit(2);
}
const oldestSeconds = 300;
const longestBytes = 1_000_000;
/** Ids that were seen: a message may come again, under the same id. */
const seen = new Set();

function isOurs(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (id === undefined || signatures === undefined) return false;
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < oldestSeconds)) return false;
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : secret;
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // Several, while a secret is changed for another.
  return signatures.split(" ").some((each) => {
    const given = Buffer.from(each.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

async function bodyOf(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > longestBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const server = createServer(async (request, response) => {
  const body = await bodyOf(request);
  if (body === null || !isOurs(request.headers, body)) return response.writeHead(401).end();
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) {
    seen.add(id);
    const { type, data } = JSON.parse(body);
    console.log(`${type} ${data.id}`);
  }
  // Answer soon; what takes long is done afterwards.
  return response.writeHead(204).end();
});
server.listen(Number(port), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
