/**
 * Which addresses a webhook may reach: the public ones. Whatever a name resolves to is judged, and that very address is
 * used.
 */
import { lookup } from "node:dns/promises";
import type { LookupAddress } from "node:dns";
import { BlockList, isIP } from "node:net";

/** Two lists: one list would take every IPv4 address for one of ::ffff:0:0/96. */
const forbidden = { 4: new BlockList(), 6: new BlockList() };
/** RFC 6890 and its kin: this host, private, shared, link-local, documentation, benchmarks, multicast, reserved. */
const networks4: [string, number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];
/** Those that carry an IPv4 address inside are forbidden altogether. */
const networks6: [string, number][] = [
  ["::", 96],
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
];
for (const [network, bits] of networks4) forbidden[4].addSubnet(network, bits, "ipv4");
for (const [network, bits] of networks6) forbidden[6].addSubnet(network, bits, "ipv6");

export const isPublic = (address: string): boolean => {
  const family = isIP(address);
  if (family === 4) return !forbidden[4].check(address, "ipv4");
  return family === 6 && !forbidden[6].check(address, "ipv6");
};

/** The operator does not allow this address. Trying again would not help. */
export class ForbiddenAddress extends Error {
  override name = "ForbiddenAddress";
}

export type Resolve = (host: string) => Promise<LookupAddress[]>;
const resolveAll: Resolve = (host) => lookup(host, { all: true, verbatim: true });
/** RFC 6761: these names are this machine's, whatever a server says. */
const isLocalName = (host: string): boolean => /(^|\.)localhost\.?$/i.test(host);

/** The addresses of a URL's host, all of them judged. Throws ForbiddenAddress if any may not be reached. */
export async function allowedAddresses(
  url: URL,
  options: { allowPrivate: boolean; resolve?: Resolve },
): Promise<LookupAddress[]> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  const isOurs = isLocalName(host) && !options.allowPrivate;
  const addresses = isOurs
    ? [{ address: "127.0.0.1", family: 4 }]
    : family === 0
      ? await (options.resolve ?? resolveAll)(host)
      : [{ address: host, family }];
  const bad = addresses.find(({ address }) => !isPublic(address));
  if (bad && !options.allowPrivate)
    throw new ForbiddenAddress(
      `${url.host} is at ${bad.address}, which is not a public address; the operator may allow it with WEBHOOK_ALLOW_PRIVATE=true`,
    );
  if (addresses.length === 0) throw new Error(`${host} has no address`);
  return addresses;
}
