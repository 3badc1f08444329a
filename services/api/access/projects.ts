/** Projects as the API shows them: with what they use now. */
import type { Project } from "../../../schemas/access.ts";
import type { Records } from "../../shared/records/index.ts";
import { notFound } from "../http/problem.ts";

type ProjectRecord = Omit<Project, "object" | "usage">;

export const showProject = async ({ projects }: Records, record: ProjectRecord): Promise<Project> => ({
  ...record,
  object: "project",
  usage: await projects.usage(record.id),
});

export async function findProject(records: Records, id: string): Promise<Project> {
  const found = await records.projects.read(id);
  if (!found) throw notFound(`there is no project ${id}`);
  return showProject(records, found);
}
