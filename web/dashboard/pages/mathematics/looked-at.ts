/** Which layer of the network is looked at, as the URL says it: `layer`, and `inner` for one inside a block. */
import type { Node } from "../../mathematics/inside.ts";

/** What of the query names a layer; the input without one. */
export const placeQuery = (node: Node | undefined): { layer: string; inner: string | null } => ({
  layer: node === undefined ? "-1" : String(node.layer),
  inner: node === undefined || node.inner === null ? null : String(node.inner),
});

/** Place of the node that a query names; the first where it names none that there is. */
export function lookedAt(nodes: readonly Node[], query: URLSearchParams): number {
  const layer = query.get("layer");
  if (layer === "-1") return -1;
  const inner = query.get("inner");
  const found = nodes.findIndex((node) => {
    const named = placeQuery(node);
    return named.layer === layer && named.inner === inner;
  });
  return Math.max(0, found);
}
