/** From what a request brings, a key or a session's cookie, to what it may see; or a refusal that says what to send. */
import { fastifyCookie } from "@fastify/cookie";
import type { FastifyRequest } from "fastify";
import type { Scope } from "../../../schemas/access.ts";
import { isOver, type KeyRecord, type Records } from "../../shared/records/index.ts";
import { Problem } from "../http/problem.ts";
import type { Bearer, Keyring } from "./keyring.ts";
import { allows } from "./requirements.ts";

/** Who is asking. */
export interface Access {
  project: string;
  scope: Scope;
  /** null where the service asks for none. */
  key: KeyRecord | null;
  /** When the session ends, where there is one. */
  sessionEnds: string | null;
  /** What they may see. */
  records: Records;
}

export const sessionCookie = "fm_session";
const realm = 'Bearer realm="feature-maps"';
const looks = new Set(["GET", "HEAD"]);

/** `isKnownToFail`: something was sent, and it will not do. */
export const unauthorized = (detail: string, isKnownToFail = false): Problem =>
  new Problem({
    code: "unauthorized",
    detail,
    headers: { "www-authenticate": isKnownToFail ? `${realm}, error="invalid_token"` : realm },
  });

/** The key in an Authorization header. */
export function keyIn(header: string): string {
  const found = /^Bearer +(\S+)$/i.exec(header.trim())?.[1];
  if (found === undefined)
    throw unauthorized("the Authorization header is of another kind: send Authorization: Bearer fm_…", true);
  return found;
}

/** A browser sends its cookie along with whatever a page asks for: a write must come from a page of ours. */
function requireSameOrigin({ method, headers, protocol, host }: FastifyRequest): void {
  if (looks.has(method)) return;
  const { origin, "sec-fetch-site": site } = headers;
  const own = `${protocol}://${host}`.toLowerCase();
  if (site === "same-origin" || (site === undefined && origin?.toLowerCase() === own)) return;
  throw new Problem({
    code: "cross-site",
    detail:
      "a write with a session's cookie must come from a page of this service: neither Sec-Fetch-Site nor Origin says so; programs send Authorization: Bearer fm_… instead",
  });
}

export class Admission {
  readonly #keyring: Keyring;
  readonly #recordsOf: (project: string) => Records;

  constructor({ keyring, recordsOf }: { keyring: Keyring; recordsOf: (project: string) => Records }) {
    this.#keyring = keyring;
    this.#recordsOf = recordsOf;
  }

  /** At once where the key is at hand. Throws a problem. */
  admit(request: FastifyRequest, needed: Scope): Access | Promise<Access> {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const key = this.#keyring.key(keyIn(authorization));
      return key instanceof Promise
        ? key.then((found) => this.#byKey(request, needed, found))
        : this.#byKey(request, needed, key);
    }
    const { cookie: cookies } = request.headers;
    const session = cookies === undefined ? undefined : fastifyCookie.parse(cookies)[sessionCookie];
    if (session === undefined) throw unauthorized("this service asks for a key: send Authorization: Bearer fm_…");
    return this.#bySession(request, needed, session);
  }

  #byKey(request: FastifyRequest, needed: Scope, key: KeyRecord | null): Access {
    if (key === null)
      throw unauthorized(
        "this key is not known: it was mistyped, or revoked; send Authorization: Bearer fm_… with another",
        true,
      );
    return this.#take(request, needed, { key, sessionEnds: null });
  }

  async #bySession(request: FastifyRequest, needed: Scope, text: string): Promise<Access> {
    const bearer = await this.#keyring.session(text);
    if (bearer === null) throw unauthorized("the session has ended: POST /v1/session begins another", true);
    requireSameOrigin(request);
    return this.#take(request, needed, bearer);
  }

  #take(request: FastifyRequest, needed: Scope, { key, sessionEnds }: Bearer): Access {
    const { id, project, scope, expiresAt } = key;
    if (isOver(expiresAt)) throw unauthorized(`${id} ended at ${expiresAt}: send another`, true);
    if (!allows(scope, needed))
      throw new Problem({
        code: "forbidden",
        detail: `${request.method} ${request.routeOptions.url} needs a key of scope ${needed}; ${id} has ${scope}`,
        headers: { "www-authenticate": `${realm}, error="insufficient_scope", scope="${needed}"` },
      });
    this.#keyring.used(key);
    return { project, scope, key, sessionEnds, records: this.#recordsOf(project) };
  }
}
