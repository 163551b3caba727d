// `drover-agent service`: what a person types. What it does is loaded when it is chosen.
import { Command, Option } from 'commander';
import type { CommandEdge } from '../command-edge.ts';
import { dataOption, vaultKeyFileOption } from '../run-options.ts';

export interface InstallFlags {
  data: string;
  vaultKeyFile?: string;
  account?: string;
  writable?: string[];
  print?: boolean;
  /** False with --no-start. */
  start: boolean;
}

export function serviceCommand(edge: CommandEdge): Command {
  const actions = () => import('./service-actions.ts');
  const command = new Command('service').description(
    'have the computer run the agent: systemd on Linux, the Task Scheduler on Windows',
  );
  const install = new Command('install')
    .description('run the agent from the start of the computer on, and again whenever it ends')
    .addOption(dataOption())
    .addOption(vaultKeyFileOption())
    .option('--account <user>', 'the user that it runs as (default: the owner of the data folder)')
    .addOption(
      new Option(
        '--writable <folder>',
        'a folder that tasks write to; several by giving it again. Under systemd the agent can write nowhere else but in its data folder',
      ).argParser((text: string, earlier: string[] | undefined) => [...(earlier ?? []), text]),
    )
    .option('--print', 'show what would be written, and write nothing')
    .option('--no-start', 'write it, and start nothing')
    .addHelpText('after', helpAfterInstall)
    .action(async (flags: InstallFlags) => (await actions()).install(flags, edge));
  const uninstall = new Command('uninstall')
    .description('stop the agent, and remove what install wrote; its data folder stays')
    .action(async () => (await actions()).uninstall(edge));
  const status = new Command('status')
    .description(
      'whether it is installed and runs; exit status 0 when it runs, 3 when not, 4 when it is not installed',
    ) // oxfmt-ignore
    .action(async () => (await actions()).status(edge));
  for (const inner of [install, uninstall, status]) command.addCommand(inner);
  return command;
}

const helpAfterInstall = `
As root it is a service of the whole computer, otherwise one of the user who types it. Running it again brings the
definition up to date. A definition that somebody else wrote is never touched.`;
