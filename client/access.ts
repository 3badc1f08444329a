/** Who may do what: keys, projects, and the session of a browser. */
import { path, type CallOptions, type Transport } from "./transport.ts";
import type {
  Key,
  KeyPage,
  KeyRequest,
  KeysQuery,
  MadeKey,
  Project,
  ProjectChanges,
  ProjectPage,
  ProjectRequest,
  ProjectsQuery,
  Session,
  SessionRequest,
} from "./types.ts";

class Keys {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query?: KeysQuery, options?: CallOptions): Promise<KeyPage> {
    return this.#transport.json({ method: "GET", path: "/v1/keys", query }, options);
  }
  all(query?: KeysQuery, options?: CallOptions): AsyncGenerator<Key, void, undefined> {
    return this.#transport.all("/v1/keys", query, options);
  }
  /** The one answer that shows the key itself. */
  create(request: KeyRequest, options?: CallOptions): Promise<MadeKey> {
    return this.#transport.json({ method: "POST", path: "/v1/keys", json: request }, options);
  }
  revoke(id: string, options?: CallOptions): Promise<void> {
    return this.#transport.done({ method: "DELETE", path: path`/v1/keys/${id}` }, options);
  }
}

class Projects {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query?: ProjectsQuery, options?: CallOptions): Promise<ProjectPage> {
    return this.#transport.json({ method: "GET", path: "/v1/projects", query }, options);
  }
  /** With its limits and what it uses now. */
  get(id: string, options?: CallOptions): Promise<Project> {
    return this.#transport.json({ method: "GET", path: path`/v1/projects/${id}` }, options);
  }
  create(request: ProjectRequest, options?: CallOptions): Promise<Project> {
    return this.#transport.json({ method: "POST", path: "/v1/projects", json: request }, options);
  }
  update(id: string, changes: ProjectChanges, options?: CallOptions): Promise<Project> {
    return this.#transport.json({ method: "PATCH", path: path`/v1/projects/${id}`, json: changes }, options);
  }
}

export class Access {
  readonly #transport: Transport;
  readonly keys: Keys;
  readonly projects: Projects;
  constructor(transport: Transport) {
    this.#transport = transport;
    this.keys = new Keys(transport);
    this.projects = new Projects(transport);
  }

  /** Who is asking: project and scope. */
  session(options?: CallOptions): Promise<Session> {
    return this.#transport.json({ method: "GET", path: "/v1/session" }, options);
  }
  /** A key for a cookie that no script can read. */
  begin(request: NonNullable<SessionRequest>, options?: CallOptions): Promise<Session> {
    return this.#transport.json({ method: "POST", path: "/v1/session", json: request }, options);
  }
  end(options?: CallOptions): Promise<void> {
    return this.#transport.done({ method: "DELETE", path: "/v1/session" }, options);
  }
}
