/** /v1/session: a browser sends its key once and keeps a cookie that no script can read. */
import cookie from "@fastify/cookie";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { session, sessionRequest, type Session } from "../../../../../schemas/access.ts";
import { isOver, presentKey } from "../../../../shared/records/index.ts";
import { findProject } from "../../../access/projects.ts";
import type { Dependencies } from "../../../dependencies.ts";
import type { App } from "../../../http/types.ts";
import { keyIn, sessionCookie, unauthorized, type Access } from "../../../access/admission.ts";

const lifeMs = 12 * 3600 * 1000;

const cookieFor = ({ protocol }: FastifyRequest) =>
  ({ path: "/", httpOnly: true, sameSite: "strict", secure: protocol === "https" }) as const;

/** Cookies are set here alone: other requests go without what that takes. */
export function sessionRoutes(app: App, dependencies: Dependencies): void {
  app.register(async (scope: App) => {
    await scope.register(cookie);
    routes(scope, dependencies);
  });
}

function routes(app: App, dependencies: Dependencies): void {
  const { allRecords, keyring, config } = dependencies;
  const show = async ({ project, scope, key, sessionEnds }: Omit<Access, "records">): Promise<Session> => ({
    object: "session",
    auth: key === null ? "none" : "keys",
    project: await findProject(allRecords, project),
    scope,
    key: key && presentKey(key),
    expiresAt: sessionEnds ?? key?.expiresAt ?? null,
  });

  app.get(
    "/v1/session",
    {
      schema: {
        tags: ["access"],
        summary: "Who is asking: the project and scope of the key or session",
        response: { 200: session },
      },
    },
    async (request) => show(request.access),
  );

  app.post(
    "/v1/session",
    {
      config: { access: "open" },
      schema: {
        tags: ["access"],
        summary: "Begin a session: a key, as Authorization: Bearer or in the body, for a cookie of 12 hours",
        body: sessionRequest,
        response: { 201: session },
      },
    },
    async (request, reply) => {
      if (config.auth === "none") return reply.code(201).send(await show(request.access));
      const { authorization } = request.headers;
      const text = request.body?.key ?? (authorization === undefined ? undefined : keyIn(authorization));
      if (text === undefined) throw unauthorized("send the key: as Authorization: Bearer fm_…, or as key in the body");
      const key = await keyring.key(text);
      if (key === null || isOver(key.expiresAt))
        throw unauthorized("this key is not known: it was mistyped, has ended, or was revoked");
      const ends = new Date(Math.min(Date.now() + lifeMs, Date.parse(key.expiresAt ?? "9999-01-01"))).toISOString();
      const word = await allRecords.sessions.create({ key: key.id, expiresAt: ends });
      keyring.used(key);
      return reply
        .code(201)
        .header("cache-control", "no-store")
        .setCookie(sessionCookie, word, { ...cookieFor(request), expires: new Date(ends) })
        .send(await show({ project: key.project, scope: key.scope, key, sessionEnds: ends }));
    },
  );

  app.delete(
    "/v1/session",
    {
      config: { access: "open" },
      schema: {
        tags: ["access"],
        summary: "End the session of the cookie",
        response: { 204: z.undefined().describe("ended, or there was none") },
      },
    },
    async (request, reply) => {
      const word = request.cookies[sessionCookie];
      if (word !== undefined) await allRecords.sessions.delete(word);
      return reply.code(204).clearCookie(sessionCookie, cookieFor(request)).send();
    },
  );
}
