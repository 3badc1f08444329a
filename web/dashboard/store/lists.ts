/** The lists that several pages show. */
import type { DatasetPage } from "../../../schemas/dataset.ts";
import type { JobPage, JobStatus } from "../../../schemas/job.ts";
import type { ModelPage } from "../../../schemas/model.ts";
import { service } from "../service.ts";
import { useResource, type Resource } from "./resource.ts";

interface ListQuery {
  limit?: number;
  every?: number | null;
}

export const useDatasets = ({ limit = 200, every = 3000 }: ListQuery = {}): Resource<DatasetPage> =>
  useResource(`datasets?${limit}`, {
    ask: (signal) => service.datasets.list({ limit }, { signal }),
    every,
  });

export const useJobsOf = (status: JobStatus, { limit = 20, every = 1000 }: ListQuery = {}): Resource<JobPage> =>
  useResource(`jobs?${status}&${limit}`, {
    ask: (signal) => service.jobs.list({ status, limit }, { signal }),
    every,
  });

export const useModels = ({ limit = 6, every = 5000 }: ListQuery = {}): Resource<ModelPage> =>
  useResource(`models?${limit}`, {
    ask: (signal) => service.models.list({ limit }, { signal }),
    every,
  });
