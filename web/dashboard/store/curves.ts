/**
 * The curves of a job, as short as can be seen: all of it once, thinned by the service, then what was added since. When
 * that has become long, all of it again.
 */
import { useEffect, useRef } from "preact/hooks";
import type { MetricRow, MetricSeries } from "../../../schemas/metrics.ts";
import { service } from "../service.ts";
import { useResource, type Resource } from "./resource.ts";

/** About two for each pixel of a chart: the least and the largest of what stands there. */
const mostPoints = 2000;
const mostAdded = 2000;
const oftenMs = 1000;

export interface CurvesOf {
  series: MetricSeries;
  /** From one step to another; null: all. */
  range: readonly [number, number] | null;
  isMoving: boolean;
}

export function useCurves(id: string, { series, range, isMoving }: CurvesOf): Resource<readonly MetricRow[]> {
  const part = range === null ? {} : { from: Math.max(0, Math.floor(range[0])), to: Math.ceil(range[1]) };
  const key = `metrics/${id}?${series}&${JSON.stringify(part)}`;
  const added = useRef({ key: "", rows: 0 });
  const resource: Resource<readonly MetricRow[]> = useResource<readonly MetricRow[]>(key, {
    ask: async (signal) => {
      const known = resource.value.peek();
      const last = known?.at(-1);
      const goesOn = isMoving && range === null && added.current.key === key && added.current.rows < mostAdded;
      const asked = goesOn && known && last ? { from: last.step + 1 } : part;
      const { data } = await service.jobs.metrics(id, { series, maxPoints: mostPoints, ...asked }, { signal });
      if (asked === part || !known) {
        added.current = { key, rows: 0 };
        return data;
      }
      added.current.rows += data.length;
      return data.length === 0 ? known : [...known, ...data];
    },
    every: () => (isMoving && range === null ? oftenMs : null),
  });
  // At the end all of it once more, thinned as a whole.
  useEffect(() => {
    if (!isMoving) void resource.refresh();
  }, [isMoving]);
  return resource;
}
