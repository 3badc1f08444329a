/** A webhook as it is shown to all who may read its job. */

/** The same request, but for the name and password in its webhook's address: they are for the receiver alone. */
export function withoutCredentials<Request>(request: Request): Request {
  const { webhook } = request as { webhook?: { url: string } | null };
  if (!webhook?.url.includes("@")) return request;
  const url = new URL(webhook.url);
  if (url.username === "" && url.password === "") return request;
  url.username = "hidden";
  url.password = "";
  return { ...request, webhook: { ...webhook, url: url.href } };
}
