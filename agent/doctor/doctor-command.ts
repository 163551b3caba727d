// `drover-agent doctor`: its options, and what was found as a person or a program reads it.
import { Command, Option } from 'commander';
import type { CommandEdge } from '../command-edge.ts';
import { nonEmpty } from '../option-parsers.ts';
import {
  agentOptions,
  dataOption,
  signInOptions,
  vaultKeyFileOption,
  type RunFlags,
} from '../run-options.ts';
import type { Finding } from './doctor.ts';

/** What commander makes of the options. */
export interface DoctorFlags extends Omit<RunFlags, 'logLevel'> {
  source?: string[];
  destination?: string[];
  json?: boolean;
}

export function doctorCommand(edge: CommandEdge): Command {
  const command = new Command('doctor').description(
    'try every link between the agent and what it depends on, and say what to do about each that fails; it works beside a running agent and changes nothing',
  );
  const options = [
    dataOption(),
    new Option(
      '--source <folder or share>',
      'a place to read from, beside the source roots; several by giving it again',
    ).argParser(list),
    new Option(
      '--destination <place>',
      'a folder, or a place in SharePoint or OneDrive, to write to; several by giving it again',
    ).argParser(list),
    new Option('--json', 'print one JSON object'),
    ...agentOptions(),
    ...signInOptions(),
    vaultKeyFileOption(),
  ];
  for (const option of options) command.addOption(option);
  return command
    .addHelpText(
      'after',
      '\nGive the options that the agent is started with, where it is started with some. The exit status is 0 when nothing fails, 1 when something does.',
    )
    .action(async (flags: DoctorFlags) => {
      const { runDoctor } = await import('./run-doctor.ts');
      await runDoctor(flags, edge);
    });
}

const marks: Record<Finding['state'], string> = {
  ok: 'ok',
  warning: 'warning',
  failed: 'FAILED',
  skipped: 'skipped',
};
const markWidth = 9;
const checkWidth = 13;

/** A finding as a person reads it, with the line that says what to do. */
export function formatFinding({ check, state, words, advice }: Finding): string {
  const line = `${marks[state].padEnd(markWidth)}${check.padEnd(checkWidth)}${words}\n`;
  if (advice === undefined) return line;
  return `${line}${' '.repeat(markWidth + checkWidth)}-> ${advice}\n`;
}

function list(text: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), nonEmpty(text)];
}
