/** What the api is given: nothing here is found by itself, so a test can give something else. */
import type { FastifyBaseLogger } from "fastify";

export interface Dependencies {
  /** The product's version, as package.json says. */
  version: string;
  log: FastifyBaseLogger;
}
