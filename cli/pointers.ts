/** `--set /optimiser/learningRate=0.05`: JSON pointers (RFC 6901) into a job request. */
import type { JobRequest } from "../client/index.ts";
import { unusable } from "./failures.ts";

export interface Assignment {
  pointer: string;
  path: string[];
  value: unknown;
}

/** Anything that is JSON is taken as that, all else as text. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function parseAssignment(text: string): Assignment {
  const at = text.indexOf("=");
  const pointer = text.slice(0, at);
  if (at < 0 || !/^(\/([^~/]|~[01])*)+$/.test(pointer))
    throw unusable(`--set: expected a pointer and a value such as /optimiser/learningRate=0.05, found '${text}'`);
  const path = pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return { pointer, path, value: valueOf(text.slice(at + 1)) };
}

type Node = Record<string, unknown>;
const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null;

/**
 * Puts the values in. `complete`: the request as the service fills it in; a field that is changed in part begins from
 * there, as `/optimiser/learningRate` from the optimiser that it would have been.
 */
export function assign(request: JobRequest, assignments: readonly Assignment[], complete: Node): JobRequest {
  const made = structuredClone(request) as unknown as Node;
  for (const { pointer, path, value } of assignments) {
    const [field] = path;
    if (path.length > 1 && !isNode(made[field])) made[field] = structuredClone(complete[field]);
    let node: Node = made;
    for (const part of path.slice(0, -1)) {
      const next = node[part];
      if (!isNode(next)) throw unusable(`--set ${pointer}: there is nothing at '${part}' to put a value into`);
      node = next;
    }
    node[path.at(-1) ?? ""] = value;
  }
  return made as unknown as JobRequest;
}

/** Whether anything is changed in part. */
export const needsComplete = (assignments: readonly Assignment[]): boolean =>
  assignments.some(({ path }) => path.length > 1);
