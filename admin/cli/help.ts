// The help: everything in it comes from the comments of the schema, the flags and the table of exit
// statuses.
import type { Command, Option } from 'commander';
import { accessVariables } from './coordinator-access.ts';
import type { CommandSpec } from './command-tree.ts';
import { exitStatusHelp } from './exit-status.ts';
import type { Flag } from './flag.ts';
import { idsInWords } from './positional.ts';

/** The first sentence of a comment. */
export function firstSentence(comment: string): string {
  return /^.*?\.(?=\s|$)/s.exec(comment)?.[0] ?? comment;
}

/** What a flag is for, how it is written, and whether it has to be given. */
export function flagHelp(flag: Flag): string {
  const parts = [flag.help];
  if (flag.value.choices.length > 0) parts.push(`One of ${flag.value.choices.join(', ')}.`);
  if (flag.value.isList)
    parts.push('Give it again, or part values with commas, for more than one; give "" for none.');
  if (flag.isRequired) parts.push('(required)');
  return parts.filter((part) => part !== '').join(' ');
}

/** What the argument of a command is, and how it can be shortened. */
export function positionalHelp({ positional }: CommandSpec): string {
  if (positional === undefined) return '';
  const help = positional.help.replace(/^(Required|Optional|Output only)\.\s*/, '');
  const { patterns } = positional;
  return patterns.length === 0 ? help : `${help} ${idsInWords(patterns)} alone is enough.`;
}

/** Stands below the help of the program. */
export function programFooter(): string {
  const rows = exitStatusHelp.map(
    ([status, meaning]) => `  ${String(status).padStart(3)}  ${meaning}`,
  );
  return `
Environment:
  ${accessVariables.coordinator}     as --coordinator
  ${accessVariables.authorityFile}  as --authority-file
  ${accessVariables.tokenFile}      as --token-file
  ${accessVariables.data}            as --data, ~/.drover/coordinator by default
An option counts more than its variable.

Names: tasks/photos can be written photos, and tasks/photos/runs/1 can be written photos/1.

Exit status:
${rows.join('\n')}`;
}

/** Stands below the help of one command. */
export function commandFooter(command: CommandSpec): string {
  const name = `drover ${command.group} ${command.name}`;
  const notes = ['The exit statuses are in: drover --help'];
  if (command.isContent)
    notes.unshift(
      'A file is there only when it is whole; it is never written over without --force.',
    );
  if (command.pageItems !== undefined)
    notes.unshift('All pages are listed, unless --page-size or --page-token asks for one.');
  if (command.updateMask !== undefined)
    notes.unshift(
      'Only what is given is changed. --update-mask names more fields: one that is named there and not given is cleared.',
    );
  return `\n${notes.join('\n')}\nThe whole request can also be given as protojson: ${name} --request-json FILE`;
}

/** How an option stands in the help: a switch that can be told to be off shows both forms. */
export function optionTerm(option: Option, negatable: ReadonlySet<string>): string {
  return option.long !== undefined && negatable.has(option.long)
    ? option.flags.replace('--', '--[no-]')
    : option.flags;
}

/** The options of the commands above, without those that the command has in its own way. */
export function globalOptions(command: Command): Option[] {
  const own = new Set(command.options.map((option) => option.long));
  const options: Option[] = [];
  for (let above = command.parent; above !== null; above = above.parent)
    options.push(...above.options.filter(({ hidden, long }) => !hidden && !own.has(long)));
  return options;
}

/** How a command stands in the list of commands: its name and its argument. */
export function commandTerm(command: Command): string {
  const names = command.registeredArguments.map((argument) => `<${argument.name()}>`);
  return [command.name(), ...names].join(' ');
}
