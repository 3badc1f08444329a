/** Help that fits a screen of 80 columns and 24 lines, each with an example. */
import type { Command, Option } from "./command.ts";
import { common } from "./command.ts";

const flag = ([name, { value, short }]: [string, Option]): string =>
  `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;

/** The commands of one word; those of two stand in the help of their group. */
export const leaders = (commands: readonly Command[]): Command[] => commands.filter(({ name }) => !name.includes(" "));

export function generalHelp(commands: readonly Command[]): string {
  const rows = leaders(commands).map(({ name, summary }) => `  ${name.padEnd(11)} ${summary}`);
  return [
    "Trains convolutional networks on your pictures, and asks them.",
    "",
    "  npx feature-maps train ./pets            a folder of pictures becomes a model",
    "  npx feature-maps predict MODEL cat.png   what it sees in a picture",
    "",
    ...rows,
    "",
    "Each explains itself: npx feature-maps train --help. Codes: docs/COMMANDS.md",
  ].join("\n");
}

const mostLines = 24;

export function commandHelp(command: Command, commands: readonly Command[]): string {
  const own = Object.entries(command.options);
  const shared = Object.entries(common);
  const notes = command.notes === undefined ? 0 : 1 + command.notes.length;
  // The common ones have a line each where the screen has room for them.
  const isLong = 5 + own.length + shared.length + notes > mostLines;
  const options = isLong ? own : [...own, ...shared];
  const width = Math.max(...options.map((each) => flag(each).length));
  const inner = commands.filter(({ name }) => name.startsWith(`${command.name} `));
  const each = inner.map(({ name, usage, summary }) => `  ${`${name} ${usage}`.padEnd(29)} ${summary}`);
  const head = [
    `npx feature-maps ${[command.name, command.usage, "[OPTION…]"].filter((text) => text !== "").join(" ")}`,
    `  ${command.summary}`,
    "",
    `  ${command.example}`,
    "",
  ];
  const rest = [
    ...options.map((option) => `  ${flag(option).padEnd(width)}  ${option[1].help}`),
    ...(isLong ? [`  as everywhere: ${shared.map(flag).join("  ")}`] : []),
    ...(command.notes === undefined ? [] : ["", ...command.notes]),
  ];
  if (inner.length === 0) return [...head, ...rest].join("\n");
  const fits = head.length + each.length + 1 + rest.length <= mostLines;
  const named = inner.map(({ name }) => name.slice(command.name.length + 1)).join(", ");
  const more = fits ? [...head, ...each, ""] : [...head.slice(0, -1), `  ${command.name} ${named}: see their --help`];
  return [...more, ...rest].join("\n");
}
