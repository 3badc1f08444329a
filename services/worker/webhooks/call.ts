/** A call to somebody else's server: to the address that was judged, never another, with an end in sight. */
import { request as requestHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { allowedAddresses } from "../../shared/webhooks/addresses.ts";
import type { Resolve } from "../../shared/webhooks/addresses.ts";

const timeoutMs = 15_000;
const mostRedirects = 3;
const redirecting: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface CallOptions {
  url: string;
  headers: Record<string, string>;
  body: string;
  allowPrivate: boolean;
  resolve?: Resolve;
}

async function once(url: URL, options: CallOptions): Promise<{ status: number; location: string | undefined }> {
  const addresses = await allowedAddresses(url, options);
  // The name is not resolved a second time: what was judged is what is called.
  const pinned: LookupFunction = (_host, { all }, answer) => {
    const [first] = addresses;
    if (all) answer(null, addresses);
    else answer(null, first?.address ?? "", first?.family ?? 4);
  };
  const start = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const call = start(
      url,
      {
        method: "POST",
        headers: { ...options.headers, "content-length": String(Buffer.byteLength(options.body)) },
        lookup: pinned,
        agent: false,
        signal: AbortSignal.timeout(timeoutMs),
      },
      (answer: IncomingMessage) => {
        answer.resume();
        answer.destroy();
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location });
      },
    );
    call.on("error", reject);
    call.end(options.body);
  });
}

/**
 * POSTs and answers the status. Redirects are followed, each judged anew. Throws ForbiddenAddress, or what the network
 * said.
 */
export async function call(options: CallOptions): Promise<number> {
  let url = new URL(options.url);
  for (let redirects = 0; ; redirects++) {
    if (url.protocol !== "https:" && url.protocol !== "http:")
      throw new Error(`${url.protocol} is not called; expected http or https`);
    const { status, location } = await once(url, options);
    if (!redirecting.has(status) || location === undefined) return status;
    if (redirects === mostRedirects) throw new Error(`more than ${mostRedirects} redirects`);
    url = new URL(location, url);
  }
}
