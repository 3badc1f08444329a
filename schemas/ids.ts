/** Names of things: prefixed ULIDs, digests, aliases. Never generates one (that is services/shared). */
import { z } from "zod";

const ulid = "[0-9A-HJKMNP-TV-Z]{26}";

export const jobId = z
  .string()
  .regex(new RegExp(`^job_${ulid}$`), "expected an id such as job_01J9ZQ8…")
  .meta({ examples: ["job_01J9ZQ8F3W6T0N5XK2V7RBYCDE"] })
  .describe("id of a job: job_ and a ULID, which sorts by time of creation");
export const datasetId = z
  .string()
  .regex(new RegExp(`^ds_${ulid}$`), "expected an id such as ds_01J9ZQ8…")
  .meta({ examples: ["ds_01J9ZQ8F3W6T0N5XK2V7RBYCDE"] })
  .describe("id of a dataset: ds_ and a ULID, which sorts by time of creation");
export const sweepId = z
  .string()
  .regex(new RegExp(`^swp_${ulid}$`), "expected an id such as swp_01J9ZQ8…")
  .meta({ examples: ["swp_01J9ZQ8F3W6T0N5XK2V7RBYCDE"] })
  .describe("id of a sweep: swp_ and a ULID, which sorts by time of creation");
export const evaluationId = z
  .string()
  .regex(new RegExp(`^evl_${ulid}$`), "expected an id such as evl_01J9ZQ8…")
  .meta({ examples: ["evl_01J9ZQ8F3W6T0N5XK2V7RBYCDE"] })
  .describe("id of an evaluation: evl_ and a ULID, which sorts by time of creation");
export const modelId = z
  .string()
  .regex(new RegExp(`^mdl_${ulid}$`), "expected an id such as mdl_01J9ZQ8…")
  .meta({ examples: ["mdl_01J9ZQ8F3W6T0N5XK2V7RBYCDE"] })
  .describe("id of a model: mdl_ and a ULID; the model of a job has the ULID of its job");

/** SHA-256 in lower-case hexadecimal. */
export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "expected a SHA-256 digest, 64 hexadecimal digits")
  .describe("SHA-256 digest, 64 hexadecimal digits");

/** A name a person gives, unique among its kind: `mnist`, `digits-v2`. It may not look like an id. */
export const alias = z
  .string()
  .regex(
    /^(?!job_|ds_|mdl_|swp_|evl_)[a-z0-9][a-z0-9._-]{0,62}$/,
    "expected 1–63 lower-case letters, digits, '.', '_' or '-', starting with a letter or digit",
  )
  .meta({ examples: ["mnist"] })
  .describe("a short unique name that may stand wherever the id may");

/** A model's alias may have a stage: `digits@production`. */
export const modelAlias = z
  .string()
  .regex(
    /^(?!job_|ds_|mdl_|swp_|evl_)[a-z0-9][a-z0-9._@-]{0,62}$/,
    "expected 1–63 lower-case letters, digits, '.', '_', '@' or '-', starting with a letter or digit, and no id",
  )
  .meta({ examples: ["digits@production"] })
  .describe("a short unique name that may stand wherever the model's id may; may have a stage: digits@production");

/** A dataset in a request: an id, an alias, or `alias@revision`. */
export const datasetReference = z
  .string()
  .max(160)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(@[0-9a-f]{8,64})?$/, "expected a dataset id, an alias, or alias@revision")
  .meta({ examples: ["mnist"] })
  .describe(
    "a dataset: its id, its alias, or alias@revision with the first 8 to 64 digits of the revision, which must then agree",
  );

/** A model in a request: an id or an alias. */
export const modelReference = z
  .string()
  .max(80)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]*$/, "expected a model id or an alias")
  .meta({ examples: ["digits@production"] })
  .describe("a model: its id or one of its aliases");

/** When something happened: ISO 8601, UTC. */
export const timestamp = z.iso.datetime().describe("time, ISO 8601 in UTC");

/** What a user hangs on a resource: up to 50 short strings. */
export const metadata = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine((record) => Object.keys(record).length <= 50, "at most 50 entries")
  .describe("your own notes, kept and answered as they are: at most 50 names, each with a text; lists filter by them");
