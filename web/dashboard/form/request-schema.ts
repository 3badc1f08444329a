/** What may be set in a request, from the OpenAPI document of the service that is asked. */
import { service } from "../service.ts";
import { useResource, type Resource } from "../store/resource.ts";
import { resolved, type Schema, type Schemas } from "./schema.ts";

/** The request of POST /v1/jobs, and what it refers to. */
export interface RequestSchema {
  root: Schema;
  all: Schemas;
}

interface Document {
  paths: Record<string, { post?: { requestBody?: { content: Record<string, { schema: Schema }> } } }>;
  components: { schemas: Schemas };
}

export function useRequestSchema(path: string, type = "application/json"): Resource<RequestSchema> {
  return useResource(`schema${path}`, {
    ask: async (signal) => {
      const { paths, components } = (await service.service.openapi({ signal })) as unknown as Document;
      const root = paths[path]?.post?.requestBody?.content[type]?.schema ?? {};
      return { root: resolved(root, components.schemas), all: components.schemas };
    },
  });
}
