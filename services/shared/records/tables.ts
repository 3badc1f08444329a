/**
 * Connection tables are the one part of a network that can be large: lists of a million numbers. A record keeps them
 * apart from the rest, compressed, so that whoever does not need them does not read them. In their place stands how
 * many connections each has.
 */
import { deflateRaw, inflateRaw } from "node:zlib";
import { promisify } from "node:util";
import type { NetworkSummary } from "../../../schemas/job.ts";
import type { Network } from "../../../schemas/network.ts";

const deflate = promisify<Buffer, Buffer>(deflateRaw);
const inflate = promisify<Buffer, Buffer>(inflateRaw);

/** The field of a job's or model's hash that has the long tables. */
export const tablesField = "tables";

/** Shorter tables stay where they are: the sixteen maps of LeNet-5 have sixty connections. */
const mostConnections = 256;

type Table = readonly (readonly number[])[];
type AnyLayer = NetworkSummary["layers"][number];

/** Every layer, those within blocks of layers too. */
const mapLayers = (layers: readonly AnyLayer[], change: (layer: AnyLayer) => AnyLayer): AnyLayer[] =>
  layers.map((layer) => {
    const changed = change(layer);
    const { layers: inner } = changed;
    return Array.isArray(inner) ? { ...changed, layers: mapLayers(inner as AnyLayer[], change) } : changed;
  });

/** `tables` is null where none is long. */
export async function withoutTables(network: Network): Promise<{ network: NetworkSummary; tables: string | null }> {
  const found: Table[] = [];
  const layers = mapLayers(network.layers, (layer) => {
    if (!Array.isArray(layer.inputs)) return layer;
    const table = layer.inputs as Table;
    const connections = table.reduce((sum, each) => sum + each.length, 0);
    if (connections <= mostConnections) return layer;
    found.push(table);
    return { ...layer, inputs: { connections } };
  });
  if (found.length === 0) return { network: { layers }, tables: null };
  return { network: { layers }, tables: (await deflate(Buffer.from(JSON.stringify(found)))).toString("base64") };
}

/** What `withoutTables` took apart. */
export async function withTables(network: NetworkSummary, tables: string | null): Promise<Network> {
  if (tables === null) return network as Network;
  const found = JSON.parse((await inflate(Buffer.from(tables, "base64"))).toString("utf8")) as Table[];
  let next = 0;
  const layers = mapLayers(network.layers, (layer) => {
    const { inputs } = layer;
    return typeof inputs === "object" && inputs !== null && "connections" in inputs
      ? { ...layer, inputs: found[next++] }
      : layer;
  });
  return { layers } as unknown as Network;
}
