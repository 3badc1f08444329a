/** Every route of the service, a folder a path segment (`_id` is a parameter). */
import type { Dependencies } from "../dependencies.ts";
import type { App } from "../types.ts";
import { healthRoutes } from "./health/index.ts";

export function registerRoutes(app: App, dependencies: Dependencies): void {
  healthRoutes(app, dependencies);
}
