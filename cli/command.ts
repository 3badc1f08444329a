/** What a command is: its words, what it takes, an example, and what it does. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import type { Client } from "../client/index.ts";
import { unusable } from "./failures.ts";
import type { Output } from "./output.ts";

export interface Option {
  /** Name of its value in the help; without one it is a switch. */
  value?: string;
  short?: string;
  /** May be given several times. */
  multiple?: boolean;
  help: string;
  /** What its value may be, for completion. */
  choices?: readonly string[];
}

export interface Given {
  arguments: string[];
  /** The value of an option. */
  text(option: string): string | undefined;
  texts(option: string): string[];
  is(option: string): boolean;
  /** A whole number of at least `least`. */
  whole(option: string, least?: number): number | undefined;
  /** A number of at least 0. */
  number(option: string): number | undefined;
}

export interface Connected {
  client: Client;
  url: string;
}

export interface Context {
  given: Given;
  out: Output;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  /** The service, which answers; `start` starts one of our own where none does. */
  connect: (options?: { start?: boolean }) => Promise<Connected>;
}

export interface Command {
  /** One word or two: `train`, `models export`. */
  name: string;
  summary: string;
  /** Its arguments as the help shows them: `MODEL PICTURE…`. */
  usage: string;
  /** How many arguments it takes. */
  takes: readonly [number, number];
  options: Readonly<Record<string, Option>>;
  example: string;
  /** More that is worth a line. */
  notes?: readonly string[];
  /** Whether its arguments are files. */
  files?: boolean;
  run(context: Context): Promise<void>;
}

/** Those of every command. */
export const common: Readonly<Record<string, Option>> = {
  json: { help: "the result as JSON" },
  url: { value: "URL", help: "of the service; FEATURE_MAPS_URL" },
  key: { value: "KEY", help: "fm_…; FEATURE_MAPS_KEY" },
  help: { short: "h", help: "this text" },
};

/** parseArgs says what is wrong in a sentence of its own, with advice that does not fit here. */
const firstSentence = (message: string): string =>
  message.split(/\. (?=To )/)[0].replace(/^(.)/, (c) => c.toLowerCase());

export function parse(command: Command, words: readonly string[]): Given {
  const all = { ...command.options, ...common };
  const options: NonNullable<ParseArgsConfig["options"]> = Object.fromEntries(
    Object.entries(all).map(([name, { value, short, multiple }]) => [
      name,
      {
        type: value === undefined ? "boolean" : "string",
        ...(short === undefined ? {} : { short }),
        ...(multiple === true ? { multiple } : {}),
      },
    ]),
  );
  const help = `see \`npx feature-maps ${command.name} --help\``;
  let read: { values: Record<string, unknown>; positionals: string[] };
  try {
    read = parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw unusable(`${firstSentence((error as Error).message)}; ${help}`);
  }
  const { values, positionals } = read;
  const [least, most] = command.takes;
  if (values["help"] !== true && (positionals.length < least || positionals.length > most))
    throw unusable(
      `expected \`npx feature-maps ${command.name} ${command.usage}\`, found ${positionals.length} arguments; ${help}`,
    );
  const text = (option: string): string | undefined => values[option] as string | undefined;
  const number = (option: string): number | undefined => {
    const given = text(option);
    if (given === undefined) return undefined;
    const value = Number(given);
    if (given.trim() === "" || !(value >= 0)) throw unusable(`--${option}: expected a number, found '${given}'`);
    return value;
  };
  return {
    arguments: positionals,
    text,
    texts: (option) => (values[option] as string[] | undefined) ?? [],
    is: (option) => values[option] === true,
    number,
    whole: (option, least = 0) => {
      const value = number(option);
      if (value !== undefined && !(Number.isInteger(value) && value >= least))
        throw unusable(`--${option}: expected a whole number of at least ${least}, found '${text(option)}'`);
      return value;
    },
  };
}
