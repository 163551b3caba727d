// Completion of words in a shell. The scripts only ask `drover __complete` with the words so far;
// what is known is in the command tree, so a script never gets old.
import { Option } from 'commander';
import type { CommandSpec, GroupSpec } from './command-tree.ts';
import { buildProgram } from './program.ts';

/** Fetches the names of resources with a list command. */
export type NameList = (command: CommandSpec, parent: string | undefined) => Promise<string[]>;

/** Says to the script that file names are wanted. */
const filesWanted = ':files';
/** Says to the script that names of folders are wanted. */
const foldersWanted = ':folders';
/** A person who waits for a completion does not wait for a coordinator that is not there. */
export const namesTimeoutMs = 1500;

/**
 * The candidates for the last word, one on each line; the words come without the program's name. A
 * first line that begins with a colon tells the script to complete file names.
 */
export async function completeWords(
  groups: readonly GroupSpec[],
  words: readonly string[],
  names: NameList,
): Promise<string> {
  const last = words.at(-1) ?? '';
  const [, flag, start] = /^(--[a-z-]+)=(.*)$/s.exec(last) ?? [];
  if (flag !== undefined && start !== undefined) {
    // zsh leaves a flag and its value in one word, so the candidates have to be whole words too.
    const values = await completeWords(groups, [...words.slice(0, -1), flag, start], names);
    return values.startsWith(':') ? '' : values.replaceAll(/^(?=.)/gm, `${flag}=`);
  }
  const candidates = await candidatesFor(groups, joinEquals(words.slice(0, -1)), last, names);
  const wanted = last === '=' ? '' : last;
  return candidates
    .filter((one) => one.startsWith(':') || one.startsWith(wanted))
    .map((one) => `${one}\n`)
    .join('');
}

/** The script of a shell. */
export function completionScript(shell: 'bash' | 'zsh'): string {
  return shell === 'bash' ? bashScript : zshScript;
}

async function candidatesFor(
  groups: readonly GroupSpec[],
  before: readonly string[],
  last: string,
  names: NameList,
): Promise<string[]> {
  const program = buildProgram(groups, quiet);
  const options = commandOptions(program, before);
  const flag = options.find((option) => option.long === before.at(-1));
  const path = plainWords(before, options);
  const group = groups.find((one) => one.name === path[0]);
  const spec = group?.commands.find((one) => one.name === path[1]);
  if (flag !== undefined && (flag.required || last === '=')) return valuesOf(flag, spec);
  if (last.startsWith('-')) return [...new Set(options.map((option) => option.long!))];
  if (path.length === 0)
    return [...groups.map((one) => one.name), 'login', 'logout', 'whoami', 'completion', 'help'];
  if (path[0] === 'completion') return path.length === 1 ? ['bash', 'zsh'] : [];
  if (path[0] === 'help') return path.length === 1 ? groups.map((one) => one.name) : [];
  const ofGroup = program.commands.find((one) => one.name() === path[0])?.commands ?? [];
  if (path.length === 1) return ofGroup.map((one) => one.name());
  if (path.length === 2 && path[1] === 'verify-evidence') return [filesWanted];
  return spec !== undefined && path.length === 2 ? positionalNames(groups, spec, last, names) : [];
}

/** The options of the command that the words lead to, with those of the commands above it. */
function commandOptions(
  program: ReturnType<typeof buildProgram>,
  words: readonly string[],
): Option[] {
  const options = [...program.options, new Option('--help')];
  let command = program;
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) continue;
    command = next;
    options.push(...command.options);
  }
  return options;
}

/** The words without flags and their values. */
function plainWords(words: readonly string[], options: readonly Option[]): string[] {
  return words.filter((word, i) => {
    const before = options.find((option) => option.long === words[i - 1]);
    return !word.startsWith('-') && before?.required !== true;
  });
}

function valuesOf(option: Option, spec: CommandSpec | undefined): string[] {
  if (option.long === '--output')
    return spec?.isContent === true ? [filesWanted] : ['table', 'json'];
  if (option.long === '--data') return [foldersWanted];
  if (/-file$|^--request-json$/.test(option.long ?? '')) return [filesWanted];
  const flag = spec?.flags.find((one) => `--${one.name}` === option.long);
  return [...(flag?.value.choices ?? [])];
}

/**
 * The names of the resources that the argument of a command can be, from the list command of those
 * resources.
 */
async function positionalNames(
  groups: readonly GroupSpec[],
  spec: CommandSpec,
  last: string,
  names: NameList,
): Promise<string[]> {
  const collections = spec.positional?.patterns.map((pattern) => pattern.split('/').at(-2)) ?? [];
  const list = groups
    .flatMap((group) => group.commands)
    .find((one) => one.positional === undefined && collections.includes(one.pageItems?.name));
  if (list === undefined) return [];
  try {
    const whole = await names(list, undefined);
    // Who began with the id alone goes on with it; nothing is offered twice.
    const begunWhole = whole.some((name) => name.startsWith(last));
    return begunWhole ? whole : whole.map((name) => name.slice(name.lastIndexOf('/') + 1));
  } catch {
    return []; // Without a coordinator there are no names to offer, and no place to say so.
  }
}

/** bash parts `--state=failed` into three words; the equals sign goes. */
function joinEquals(words: readonly string[]): string[] {
  return words.filter((word) => word !== '=');
}

const quiet = {
  writeOut: () => {},
  writeErr: () => {},
  columns: 80,
  invoke: () => Promise.resolve(),
  signIn: () => Promise.resolve(),
  verifyEvidence: () => Promise.resolve(),
  verifyPlan: () => Promise.resolve(),
  complete: () => Promise.resolve(),
};

const bashScript = `# bash completion of drover
_drover() {
  local word="\${COMP_WORDS[COMP_CWORD]}" answer
  answer="$("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" || return
  COMPREPLY=()
  case "$answer" in
    :files*) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "\${word#=}") ;;
    :folders*) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "\${word#=}") ;;
    ?*) mapfile -t COMPREPLY <<< "$answer" ;;
  esac
}
complete -F _drover drover
`;

const zshScript = `#compdef drover
# zsh completion of drover
_drover() {
  local answer
  answer="$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)" || return
  case "$answer" in
    :files*) _files ;;
    :folders*) _files -/ ;;
    ?*) compadd -- "\${(@f)answer}" ;;
  esac
}
compdef _drover drover
`;
