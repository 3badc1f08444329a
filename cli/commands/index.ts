/** Every command, in the order of the help. */
import type { Command } from "../command.ts";
import { completionCommand } from "../completion.ts";
import { exportCommand, predictCommand, uploadCommand } from "./files.ts";
import { keyCommands } from "./keys.ts";
import { datasetCommands, jobCommands, modelCommands } from "./lists.ts";
import { downCommand, openCommand, upCommand } from "./stack.ts";
import { sweepCommands } from "./sweep.ts";
import { trainCommand } from "./train.ts";
import { logsCommand, watchCommand } from "./watch.ts";

export const commands: readonly Command[] = [
  trainCommand,
  watchCommand,
  predictCommand,
  ...jobCommands,
  ...modelCommands,
  exportCommand,
  ...datasetCommands,
  uploadCommand,
  ...sweepCommands,
  logsCommand,
  ...keyCommands,
  upCommand,
  downCommand,
  openCommand,
  completionCommand(() => commands),
];
