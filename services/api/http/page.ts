/** The dashboard's page: one document for every path, which itself knows what stands where. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyReply, FastifyRequest } from "fastify";

/** What `npm run build` made. From the sources as from dist/ it is the one in dist/. */
export const builtDashboard = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "../../../dist/web/dashboard/" : "../../../web/dashboard/",
    import.meta.url,
  ),
);

/** Everything comes from here, and nothing stands inside the page. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const pageHeaders = {
  "content-security-policy": policy,
  "cache-control": "no-cache",
  vary: "Accept, Accept-Encoding",
};

/** Whether a browser asks for what it is to show. */
export const wantsPage = ({ method, headers }: FastifyRequest): boolean =>
  (method === "GET" || method === "HEAD") && (headers.accept ?? "").includes("text/html");

/** The page where nothing is: it says so, and where to go. false where the dashboard was not built. */
export async function sendNoSuchPage(reply: FastifyReply): Promise<boolean> {
  const page = await readFile(join(builtDashboard, "index.html")).catch(() => null);
  if (page === null) return false;
  await reply.code(404).headers(pageHeaders).type("text/html; charset=utf-8").send(page);
  return true;
}
