/** `feature-maps`: reads the words, runs the command, ends with its code. */
import { commands } from "./commands/index.ts";
import { parse, type Command } from "./command.ts";
import { exitCodes, failureOf, unusable, type ExitCode } from "./failures.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { createOutput } from "./output.ts";
import { connect } from "./service.ts";
import { ownVersion } from "./version.ts";

/** `models export …` is one command, `models` another. */
function find(words: readonly string[]): { command: Command; rest: string[] } {
  const [first = "", next = ""] = words;
  const two = commands.find(({ name }) => name === `${first} ${next}`);
  if (two) return { command: two, rest: words.slice(2) };
  const one = commands.find(({ name }) => name === first);
  // `jobs list` is `jobs`.
  if (one) return { command: one, rest: words.slice(next === "list" ? 2 : 1) };
  throw unusable(`there is no command '${first}'; see \`npx feature-maps --help\``);
}

async function run(words: readonly string[], signal: AbortSignal): Promise<void> {
  const [first] = words;
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    const named = words[1] === undefined ? null : find(words.slice(1)).command;
    return void process.stdout.write(`${named ? commandHelp(named, commands) : generalHelp(commands)}\n`);
  }
  if (first === "--version" || first === "-v") return void process.stdout.write(`${ownVersion}\n`);
  const { command, rest } = find(words);
  const given = parse(command, rest);
  if (given.is("help")) return void process.stdout.write(`${commandHelp(command, commands)}\n`);
  const out = createOutput({ json: given.is("json") });
  const wanted = {
    url: given.text("url") ?? process.env["FEATURE_MAPS_URL"],
    key: given.text("key") ?? (process.env["FEATURE_MAPS_KEY"] || undefined),
  };
  await command.run({ given, out, signal, connect: ({ start = false } = {}) => connect(wanted, out, start) });
}

/** Whoever read our output went away: so do we, without a word. */
function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(exitCodes.pipe);
      throw error;
    });
}

async function main(): Promise<ExitCode> {
  endWithReader();
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => interrupted.abort(new Error("interrupted")));
  try {
    await run(process.argv.slice(2), interrupted.signal);
    return exitCodes.done;
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null && interrupted.signal.aborted) return exitCodes.interrupted;
    if (failure === null) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    else if (failure.message !== "") process.stderr.write(`${failure.message}\n`);
    return failure?.code ?? exitCodes.failed;
  }
}

process.exitCode = await main();
