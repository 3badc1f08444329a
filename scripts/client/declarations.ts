/**
 * `client/types.ts` for people who have no zod: every type that it exports, printed from its schema with the
 * descriptions of its fields. client/package.test.ts has the compiler compare the two.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { queryDecimal, queryFlag } from "../../schemas/query.ts";

type Mode = "input" | "output";
type Schema = z.core.$ZodType;

/** As a form or query has it: nothing that must be there. */
interface Wanted {
  name: string;
  schema: Schema;
  mode: Mode;
  query: boolean;
  /** Fields that the type leaves out. */
  omitted: readonly string[];
}

/** Schemas whose transform says nothing about its type. */
const known = new Map<object, string>([
  [queryDecimal._zod.def, "number"],
  [queryFlag._zod.def, "boolean"],
]);

const comment = (schema: Schema, indent: string): string => {
  const text = z.globalRegistry.get(schema)?.description;
  return text === undefined ? "" : `${indent}/** ${text.replaceAll("*/", "*\\/")} */\n`;
};
const isIdentifier = (name: string): boolean => /^[A-Za-z_$][\w$]*$/.test(name);
const parenthesised = (type: string): string => (/ [|&] /.test(type) ? `(${type})` : type);

class Printer {
  /** Schemas that have a name of their own, by their definition. */
  readonly #names: Readonly<Record<Mode, Map<object, string>>>;
  constructor(names: Readonly<Record<Mode, Map<object, string>>>) {
    this.#names = names;
  }

  #isOptional(schema: Schema, mode: Mode): boolean {
    const { def } = (schema as z.ZodType)._zod;
    switch (def.type) {
      case "optional":
        return true;
      case "default":
      case "prefault":
        return mode === "input";
      case "pipe": {
        const { in: before, out } = def as unknown as z.core.$ZodPipeDef;
        return mode === "input" ? this.#isOptional(before, mode) : this.#isOptional(out, mode);
      }
      default:
        return false;
    }
  }

  object(schema: Schema, mode: Mode, { indent = "", query = false, omitted = [] as readonly string[] } = {}): string {
    const { shape, catchall } = (schema as z.ZodObject)._zod.def;
    const inner = `${indent}  `;
    const lines = Object.entries(shape)
      .filter(([name]) => !omitted.includes(name))
      .map(([name, field]) => {
        if (name === "metadata.*") return `${inner}metadata?: Record<string, string> | undefined;`;
        const optional = query || this.#isOptional(field, mode);
        const type = this.type(field, mode, inner);
        const undefinedToo = optional && !/(^|\| )undefined$/.test(type) ? " | undefined" : "";
        const key = isIdentifier(name) ? name : JSON.stringify(name);
        return `${comment(field, inner)}${inner}${key}${optional ? "?" : ""}: ${type}${undefinedToo};`;
      });
    if (catchall && (catchall as z.ZodType)._zod.def.type === "unknown" && !("metadata.*" in shape))
      lines.push(`${inner}[field: string]: unknown;`);
    return `{\n${lines.join("\n")}\n${indent}}`;
  }

  #pipe(def: z.core.$ZodPipeDef, mode: Mode, indent: string): string {
    if (mode === "input") return this.type(def.in, mode, indent);
    // A transform keeps the type of what it reads, but for an absent value.
    if ((def.out as z.ZodType)._zod.def.type === "transform")
      return this.type(def.in, mode, indent).replace(/ \| undefined$/, "");
    return this.type(def.out, mode, indent);
  }

  /** `own`: whether the name of the schema itself may stand for it. */
  type(schema: Schema, mode: Mode, indent = "", own = true): string {
    const { def } = (schema as z.ZodType)._zod;
    const named = known.get(def) ?? (own ? this.#names[mode].get(def) : undefined);
    if (named !== undefined) return named;
    const inner = (each: Schema): string => this.type(each, mode, indent);
    switch (def.type) {
      case "string":
      case "boolean":
      case "unknown":
      case "null":
      case "undefined":
        return def.type;
      case "number":
      case "int":
        return "number";
      case "enum":
        return Object.values((def as unknown as z.core.$ZodEnumDef).entries)
          .map((each) => JSON.stringify(each))
          .join(" | ");
      case "literal":
        return (def as unknown as z.core.$ZodLiteralDef<string>).values.map((each) => JSON.stringify(each)).join(" | ");
      case "nullable":
        return `${inner((def as unknown as z.core.$ZodNullableDef).innerType)} | null`;
      case "optional":
        return `${inner((def as unknown as z.core.$ZodOptionalDef).innerType)} | undefined`;
      case "default":
      case "prefault": {
        const type = inner((def as unknown as z.core.$ZodDefaultDef).innerType);
        return mode === "input" ? `${type} | undefined` : type;
      }
      case "readonly":
        return inner((def as unknown as z.core.$ZodReadonlyDef).innerType);
      case "array":
        return `${parenthesised(inner((def as unknown as z.core.$ZodArrayDef).element))}[]`;
      case "tuple":
        return `[${(def as unknown as z.core.$ZodTupleDef).items.map((each) => inner(each)).join(", ")}]`;
      case "union":
        return (def as unknown as z.core.$ZodUnionDef).options.map((each) => parenthesised(inner(each))).join(" | ");
      case "record": {
        const { keyType, valueType } = def as unknown as z.core.$ZodRecordDef;
        const key = this.type(keyType, mode, indent);
        const partial = schema instanceof z.ZodRecord && key.includes('"');
        return partial ? `Partial<Record<${key}, ${inner(valueType)}>>` : `Record<${key}, ${inner(valueType)}>`;
      }
      case "object":
        return this.object(schema, mode, { indent });
      case "pipe":
        return this.#pipe(def as unknown as z.core.$ZodPipeDef, mode, indent);
      default:
        throw new Error(`a schema of type '${def.type}' has no printed form here`);
    }
  }
}

/** What `client/types.ts` exports, found in its text. */
async function wanted(root: string): Promise<Wanted[]> {
  const read = (path: string): string => readFileSync(`${root}${path}`, "utf8").replaceAll(/\s+/g, " ");
  const text = read("client/types.ts");
  const modules = new Map<string, Record<string, Schema>>();
  const load = async (file: string): Promise<Record<string, Schema>> => {
    const found = modules.get(file) ?? ((await import(`../../schemas/${file}.js`)) as Record<string, Schema>);
    modules.set(file, found);
    return found;
  };
  const origin = new Map<string, string>();
  for (const [, names, file] of text.matchAll(/import type \{([^}]*)\} from "\.\.\/schemas\/([a-z-]+)\.ts"/g))
    for (const name of names.split(",")) origin.set(name.trim(), file);
  const found: Wanted[] = [];
  for (const [, names, file] of text.matchAll(/export type \{([^}]*)\} from "\.\.\/schemas\/([a-z-]+)\.ts"/g)) {
    const source = read(`schemas/${file}.ts`);
    for (const each of names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")) {
      const [name, as = name] = each.split(" as ");
      const [, kind, schema] =
        new RegExp(`export type ${name} = (?:z\\.(infer|output|input)<typeof (\\w+)>|keyof typeof problemCodes)`).exec(
          source,
        ) ?? [];
      if (schema === undefined) continue;
      const mode = kind === "input" ? "input" : "output";
      found.push({ name: as, schema: (await load(file))[schema], mode, query: false, omitted: [] });
    }
  }
  const own = /export type (\w+) = (?:Omit< ?)?(Output|Input|Query)<typeof (\w+)>(?:, ?((?:"\w+"(?: \| )?)+) ?>)?/g;
  for (const [, name, kind, schema, omitted] of text.matchAll(own)) {
    const file = origin.get(schema);
    if (file === undefined) throw new Error(`client/types.ts: ${schema} is imported from nowhere`);
    found.push({
      name,
      schema: (await load(file))[schema],
      mode: kind === "Input" ? "input" : "output",
      query: kind === "Query",
      omitted: [...(omitted ?? "").matchAll(/\w+/g)].map(([field]) => field),
    });
  }
  return found;
}

/** The object below a transform of a whole query. */
const objectOf = (schema: Schema): Schema => {
  const { def } = (schema as z.ZodType)._zod;
  return def.type === "pipe" ? objectOf((def as unknown as z.core.$ZodPipeDef).in) : schema;
};

/** The text of a `types.d.ts` that stands by itself. `root`: of the project, with a slash at its end. */
export async function printTypes(root: string, problemCodes: readonly string[]): Promise<string> {
  const all = await wanted(root);
  const names = { input: new Map<object, string>(), output: new Map<object, string>() };
  for (const { name, schema, mode, query, omitted } of all)
    if (!query && omitted.length === 0) names[mode].set((schema as z.ZodType)._zod.def, name);
  const printer = new Printer(names);
  const printed = all.map(({ name, schema, mode, query, omitted }) => {
    const type =
      query || omitted.length > 0
        ? printer.object(objectOf(schema), mode, { query, omitted })
        : printer.type(schema, mode, "", false);
    return `${comment(schema, "")}export type ${name} = ${type};`;
  });
  return `/** The words of the interface. Made from the schemas that the service checks with. */

export type ProblemCode = ${problemCodes.map((code) => JSON.stringify(code)).join(" | ")};

export interface Page<Item> {
  data: Item[];
  hasMore: boolean;
  /** Pass it as \`after\` to get the next page. */
  nextAfter: string | null;
}

${printed.join("\n\n")}
`;
}
