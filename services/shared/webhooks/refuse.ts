/** A webhook that could never be called is refused when it is asked for. */
import { Resolver } from "node:dns/promises";
import { invalid } from "../refusal.ts";
import { ForbiddenAddress, allowedAddresses, type Resolve } from "./addresses.ts";

/**
 * By the name servers alone, within a second or two, and on no thread of libuv's: names that nobody answers for must
 * not hold up reading files. What only this machine knows by name is judged when it is called.
 */
const resolveQuickly: Resolve = async (host) => {
  const resolver = new Resolver({ timeout: 700, tries: 1 });
  const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  return [
    ...(four.status === "fulfilled" ? four.value.map((address) => ({ address, family: 4 })) : []),
    ...(six.status === "fulfilled" ? six.value.map((address) => ({ address, family: 6 })) : []),
  ];
};

/** Throws Refusal where the operator does not allow the address. A name that has none today may have one tomorrow. */
export async function refuseWebhook(
  webhook: { url: string } | null,
  { allowPrivate, resolve = resolveQuickly }: { allowPrivate: boolean; resolve?: Resolve },
): Promise<void> {
  if (webhook === null || allowPrivate) return;
  try {
    await allowedAddresses(new URL(webhook.url), { allowPrivate, resolve });
  } catch (error) {
    if (error instanceof ForbiddenAddress) throw invalid("/webhook/url", error.message);
  }
}
