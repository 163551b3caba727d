// The commands of drover-agent. Each one's definition is light; what it does is loaded when it is chosen.
import { Command } from 'commander';
import type { CommandEdge } from './command-edge.ts';
import { doctorCommand } from './doctor/doctor-command.ts';
import { compileAgentOptions } from './options.ts';
import { addRunOptions, type RunFlags } from './run-options.ts';
import { setupCommand } from './setup/setup-command.ts';
import { serviceCommand } from './service/service-command.ts';
import { credentialsCommand } from './vault/credentials-command.ts';
import { version } from '../lib/version.ts';

/** Runs the command that the arguments name. Throws what `parseAgentOptions` throws, and DroverErrors of the command. */
export async function runProgram(args: readonly string[], edge: CommandEdge): Promise<void> {
  await createProgram(edge).parseAsync([...args], { from: 'user' });
}

export function createProgram(edge: CommandEdge): Command {
  const program = addRunOptions(new Command('drover-agent'))
    .description(
      'Moves files for a Drover coordinator: scans sources, uploads or copies files, and verifies them. Without a command, it runs.',
    )
    .version(version)
    .enablePositionalOptions()
    .exitOverride()
    .action((flags: RunFlags) => run(flags, edge));
  program.hook('preSubcommand', refuseOptionsBefore);
  const commands = [
    addRunOptions(new Command('run'))
      .description('run the agent, as without a command')
      .action((flags: RunFlags) => run(flags, edge)),
    setupCommand(edge),
    doctorCommand(edge),
    credentialsCommand(edge),
    serviceCommand(edge),
  ];
  for (const command of commands) program.addCommand(inherit(command));
  return program;
}

async function run(flags: RunFlags, edge: CommandEdge): Promise<void> {
  const options = compileAgentOptions(flags, edge.environment);
  // The rest is loaded when the options are good: it takes longer than saying that they are not.
  const { runCommand } = await import('./run-command.ts');
  await runCommand(options, edge);
}

/** Options before a command are the run's, and would be lost silently. */
function refuseOptionsBefore(program: Command, command: Command): void {
  const lost = program.options.find(
    (option) => program.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (lost !== undefined)
    program.error(`error: write ${lost.long} after '${command.name()}', not before it`);
}

/** What is not copied to commands that are made elsewhere: that they throw in place of ending the process. */
function inherit(command: Command): Command {
  command.exitOverride();
  for (const inner of command.commands) inherit(inner);
  return command;
}
