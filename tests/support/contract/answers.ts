/** Whether an answer is one that the OpenAPI document promises. */
import { Ajv2020 } from "ajv/dist/2020.js";
import ajvFormats from "ajv-formats";
import { problemCodes } from "../../../schemas/problem.ts";
import type { Answered, Document, Operation } from "./document.ts";

export interface ContractAnswer {
  status: number;
  /** Without parameters; empty where there is no body. */
  type: string;
  retryAfter: string | null;
  body: Uint8Array;
}

const problemType = "application/problem+json";
const mostShown = 400;
const pointerPart = (name: string): string => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));

export class Contract {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: false });

  constructor(document: Document) {
    ajvFormats.default(this.#ajv, ["date-time", "uri"]);
    this.#ajv.addFormat("binary", true);
    this.#ajv.addSchema(document, "document");
  }

  /** What is wrong with an answer; null where nothing is. */
  fault({ path, method, responses }: Operation, answer: ContractAnswer): string | null {
    const { status, type } = answer;
    const said = Object.hasOwn(responses, status) ? String(status) : "default";
    if (said === "default" && status < 400) return `${status} is not in the document`;
    if (status >= 500 && !isShed(answer)) return `it answered ${status}: ${shown(answer)}`;
    const { content }: Answered = responses[said];
    if (content === undefined) return answer.body.length === 0 ? null : `${status} has a body: ${shown(answer)}`;
    if (!Object.hasOwn(content, type)) return `${status} comes as '${type}', which is not in the document`;
    if (!/[/+]json$/.test(type)) return null;
    const body: unknown = JSON.parse(Buffer.from(answer.body).toString("utf8"));
    const at = ["paths", path, method.toLowerCase(), "responses", said, "content", type, "schema"];
    const reference = `document#/${at.map(pointerPart).join("/")}`;
    const fits = this.#ajv.getSchema(reference);
    if (!fits) throw new Error(`the document has no ${reference}`);
    if (fits(body) !== true)
      return `${status} does not fit its schema: ${this.#ajv.errorsText(fits.errors)}: ${shown(answer)}`;
    return type === problemType ? problemFault(status, body as Problem) : null;
  }
}

interface Problem {
  status: number;
  code: keyof typeof problemCodes;
  detail: string;
}

const shown = ({ body }: ContractAnswer): string => Buffer.from(body.subarray(0, mostShown)).toString("utf8");

/** Not answered for want of time or room, and told to come again. */
export const isShed = ({ status, retryAfter }: ContractAnswer): boolean =>
  status === 503 && /^\d+$/.test(retryAfter ?? "");

function problemFault(status: number, { status: told, code, detail }: Problem): string | null {
  if (told !== status || problemCodes[code][0] !== status) return `${status} calls itself ${told} ${code}`;
  return detail === "" ? `${code} says nothing` : null;
}
