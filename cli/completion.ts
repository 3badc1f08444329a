/** Completion for bash, zsh and fish, written out from the table of commands. */
import { common, type Command, type Option } from "./command.ts";
import { unusable } from "./failures.ts";
import { leaders } from "./help.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

const second = (commands: readonly Command[], group: string): string[] =>
  commands.flatMap(({ name }) => (name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : []));
const flags = (command: Command): string[] => Object.keys({ ...command.options, ...common }).map((name) => `--${name}`);
const withChoices = (command: Command): [string, Option][] =>
  Object.entries(command.options).filter(([, { choices }]) => choices !== undefined);

function bash(commands: readonly Command[]): string {
  const cases = leaders(commands).map((command) => {
    const choices = withChoices(command).map(
      ([name, option]) => `      --${name}) words="${option.choices?.join(" ") ?? ""}" ;;`,
    );
    const words = [...second(commands, command.name), ...flags(command)].join(" ");
    return [
      `  ${command.name})`,
      '    case "$before" in',
      ...choices,
      `      *) words="${words}"${command.files === true ? ' ; [[ "$current" == -* ]] || files=1' : ""} ;;`,
      "    esac ;;",
    ].join("\n");
  });
  return `# source <(feature-maps completion bash), or into a file in /etc/bash_completion.d
_feature_maps() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words="" files=""
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${leaders(commands)
      .map(({ name }) => name)
      .join(" ")} --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ -n "$files" ]] && COMPREPLY+=($(compgen -f -- "$current"))
}
complete -o filenames -F _feature_maps feature-maps
`;
}

const quoted = (text: string): string => text.replaceAll("'", "'\\''");

function zsh(commands: readonly Command[]): string {
  const described = leaders(commands).map(({ name, summary }) => `    '${name}:${quoted(summary)}'`);
  const cases = leaders(commands).map((command) => {
    const inner = second(commands, command.name);
    const options = Object.entries({ ...command.options, ...common }).map(
      ([name, { value, help, choices, multiple }]) => {
        const argument = value === undefined ? "" : `:${value}:${choices ? `(${choices.join(" ")})` : ""}`;
        return `'${multiple === true ? "*" : ""}--${name}[${quoted(help).replace(/[[\]]/g, "")}]${argument}'`;
      },
    );
    const rest = [
      ...(inner.length > 0 ? [`'1: :(${inner.join(" ")})'`] : []),
      ...(command.files === true ? ["'*:file:_files'"] : []),
    ];
    return `    ${command.name}) _arguments ${[...options, ...rest].join(" ")} ;;`;
  });
  return `#compdef feature-maps
# feature-maps completion zsh > a file _feature-maps in a folder of $fpath
_feature-maps() {
  local -a commands=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local word="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$word" in
${cases.join("\n")}
  esac
}
compdef _feature-maps feature-maps
`;
}

function fish(commands: readonly Command[]): string {
  const line = (condition: string, rest: string): string => `complete -c feature-maps -n '${condition}' ${rest}`;
  const lines = leaders(commands).flatMap((command) => {
    const seen = `__fish_seen_subcommand_from ${command.name}`;
    return [
      line("__fish_use_subcommand", `-f -a ${command.name} -d '${quoted(command.summary)}'`),
      ...second(commands, command.name).map((word) => line(seen, `-f -a ${word}`)),
      ...Object.entries({ ...command.options, ...common }).map(([name, { value, help, choices }]) =>
        line(
          seen,
          `-l ${name}${value === undefined ? "" : " -r"}${choices ? ` -a '${choices.join(" ")}'` : ""} -d '${quoted(help)}'`,
        ),
      ),
      ...(command.files === true ? [] : [line(seen, "-f")]),
    ];
  });
  return `# feature-maps completion fish > ~/.config/fish/completions/feature-maps.fish\n${lines.join("\n")}\n`;
}

const writers: Record<Shell, (commands: readonly Command[]) => string> = { bash, zsh, fish };
const isShell = (text: string): text is Shell => (shells as readonly string[]).includes(text);

/** `all`: the table, which holds this command too. */
export const completionCommand = (all: () => readonly Command[]): Command => ({
  name: "completion",
  summary: "completion for bash, zsh or fish",
  usage: "SHELL",
  takes: [1, 1],
  options: {},
  example: "source <(npx feature-maps completion bash)",
  notes: ["For `feature-maps` on PATH: npm link, or npm install --global . in the clone."],
  run: async ({ given, out }) => {
    const [shell] = given.arguments;
    if (!isShell(shell)) throw unusable(`expected one of ${shells.join(", ")}, found '${shell}'`);
    out.say(writers[shell](all()).trimEnd());
  },
});
