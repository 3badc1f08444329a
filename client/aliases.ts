/** Names that point to models, and are moved from one to the next: `digits@production`. */
import { path, type CallOptions, type Transport } from "./transport.ts";
import type { AliasesQuery, AliasPage, AliasTarget, MovedAlias } from "./types.ts";

export class Aliases {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query?: AliasesQuery, options?: CallOptions): Promise<AliasPage> {
    return this.#transport.json({ method: "GET", path: "/v1/aliases/models", query }, options);
  }
  all(query?: AliasesQuery, options?: CallOptions): AsyncGenerator<AliasPage["data"][number], void, undefined> {
    return this.#transport.all("/v1/aliases/models", query, options);
  }
  /** In one step; answers what it named before. */
  move(alias: string, target: AliasTarget, options?: CallOptions): Promise<MovedAlias> {
    return this.#transport.json({ method: "PUT", path: path`/v1/aliases/models/${alias}`, json: target }, options);
  }
  delete(alias: string, options?: CallOptions): Promise<void> {
    return this.#transport.done({ method: "DELETE", path: path`/v1/aliases/models/${alias}` }, options);
  }
}
