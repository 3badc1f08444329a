/** GET and POST /v1/projects, GET and PATCH /v1/projects/{id}. A key sees its own; one of the default project all. */
import type { FastifyRequest } from "fastify";
import {
  defaultProject,
  noLimits,
  project,
  projectChanges,
  projectPage,
  projectRequest,
  projectsQuery,
} from "../../../../../schemas/access.ts";
import { idParams } from "../../../../../schemas/query.ts";
import { withLimits } from "../../../../shared/records/index.ts";
import { findProject, showProject } from "../../../access/projects.ts";
import type { Dependencies } from "../../../dependencies.ts";
import { Problem, notFound } from "../../../http/problem.ts";
import type { App } from "../../../http/types.ts";

const isOperator = ({ access }: FastifyRequest): boolean =>
  access.project === defaultProject && access.scope === "admin";

function requireOperator(request: FastifyRequest): void {
  if (request.access.project === defaultProject) return;
  throw new Problem({
    code: "forbidden",
    detail: `projects are made and limited with an admin key of ${defaultProject}; this one is of ${request.access.project}`,
  });
}

function readRoutes(app: App, { allRecords }: Dependencies): void {
  app.get(
    "/v1/projects",
    {
      schema: {
        tags: ["access"],
        summary: "The project of the key, with its limits and usage; for an admin key of the default project all",
        querystring: projectsQuery,
        response: { 200: projectPage },
      },
    },
    async (request) => {
      if (!isOperator(request))
        return {
          data: request.query.after === undefined ? [await findProject(allRecords, request.access.project)] : [],
          hasMore: false,
          nextAfter: null,
        };
      const page = await allRecords.projects.list(request.query);
      return { ...page, data: await Promise.all(page.data.map((each) => showProject(allRecords, each))) };
    },
  );
  app.get(
    "/v1/projects/:id",
    {
      schema: {
        tags: ["access"],
        summary: "A project, with its limits and usage",
        params: idParams,
        response: { 200: project },
      },
    },
    async (request) => {
      const { id } = request.params;
      if (!isOperator(request) && id !== request.access.project) throw notFound(`there is no project ${id}`);
      return findProject(allRecords, id);
    },
  );
}

export function projectsRoutes(app: App, dependencies: Dependencies): void {
  const { allRecords } = dependencies;
  readRoutes(app, dependencies);
  app.post(
    "/v1/projects",
    {
      config: { access: "admin" },
      schema: {
        tags: ["access"],
        summary: "Make a project; its first key comes from POST /v1/keys",
        body: projectRequest,
        response: { 201: project },
      },
    },
    async (request, reply) => {
      requireOperator(request);
      const { name, limits = {} } = request.body;
      const id = `prj_${request.ulid}`;
      const createdAt = new Date().toISOString();
      await allRecords.projects.create({ id, name, limits: withLimits(noLimits, limits), createdAt });
      return reply
        .code(201)
        .header("location", `/v1/projects/${id}`)
        .send(await findProject(allRecords, id));
    },
  );
  app.patch(
    "/v1/projects/:id",
    {
      config: { access: "admin" },
      schema: {
        tags: ["access"],
        summary: "Change a project's name or limits",
        params: idParams,
        body: projectChanges,
        response: { 200: project },
      },
    },
    async (request) => {
      const { id } = request.params;
      if (request.access.project !== defaultProject && id !== request.access.project)
        throw notFound(`there is no project ${id}`);
      requireOperator(request);
      const before = await findProject(allRecords, id);
      const { name, limits } = request.body;
      await allRecords.projects.patch(id, {
        ...(name === undefined ? {} : { name }),
        ...(limits === undefined ? {} : { limits: withLimits(before.limits, limits) }),
      });
      return findProject(allRecords, id);
    },
  );
}
