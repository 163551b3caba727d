// What `drover-agent service` does, by platform.
import { homedir } from 'node:os';
import path from 'node:path';
import type { CommandEdge } from '../command-edge.ts';
import { wayTo } from '../link/coordinator-way.ts';
import { readSettings, type AgentSettingsFile } from '../settings-file.ts';
import { DroverError } from '../../lib/error.ts';
import type { InstallFlags } from './service-command.ts';
import { runProgram, type Computer } from './service-manager.ts';
import { SystemdService } from './systemd-service.ts';
import { unitName } from './systemd-unit.ts';
import { WindowsService } from './windows-service.ts';

/** A service of one kind. What it says is for a person who reads it, line by line. */
export interface Service {
  /** What would be written. */
  print(flags: InstallFlags): string;
  install(flags: InstallFlags): Promise<string[]>;
  uninstall(): Promise<string[]>;
  status(): Promise<{ lines: string[]; exitStatus: number }>;
}

export async function install(
  flags: InstallFlags,
  edge: CommandEdge,
  computer = thisComputer(edge),
): Promise<void> {
  // oxfmt-ignore
  const service = serviceOf(computer);
  const whole = absolute(flags);
  if (flags.print) return void edge.stdout.write(service.print(whole));
  const settings = readSettings(whole.data);
  if (settings === undefined)
    throw DroverError.invalid('--data', `no agent was set up in ${whole.data}; run \`drover-agent setup\` first, or say with --data where it was`); // oxfmt-ignore
  const notes = proxyNotes(settings, edge.environment, computer);
  say(edge, [...(await service.install(whole)), ...notes]);
}

export async function uninstall(edge: CommandEdge, computer = thisComputer(edge)): Promise<void> {
  say(edge, await serviceOf(computer).uninstall());
}

export async function status(edge: CommandEdge, computer = thisComputer(edge)): Promise<void> {
  const { lines, exitStatus } = await serviceOf(computer).status();
  say(edge, lines);
  edge.finish(exitStatus);
}

/** What a person's variables lead to, a service does not find by itself. */
function proxyNotes(
  { coordinators }: AgentSettingsFile,
  environment: CommandEdge['environment'],
  { platform, userId }: Computer,
): string[] {
  const names = coordinators.flatMap(
    (address) => wayTo(address, environment).proxy?.variable ?? [],
  );
  return [...new Set(names)].map((name) => {
    const how =
      platform === 'win32'
        ? `set ${name} for the whole computer (setx /M)`
        : `type \`systemctl ${userId === 0 ? '' : '--user '}edit ${unitName}\`, and write below [Service]: Environment=${name}=…`;
    return `here the coordinator is reached through the proxy that ${name} names, and a service does not have your variables: ${how}`;
  });
}

function serviceOf(computer: Computer): Service {
  if (computer.platform === 'linux') return new SystemdService(computer);
  if (computer.platform === 'win32') return new WindowsService(computer);
  throw DroverError.invalid(
    'service',
    `is not built for ${computer.platform}: it knows systemd on Linux and the Task Scheduler on Windows; have the computer run \`drover-agent run --data FOLDER\` by its own means`,
  );
}

function absolute(flags: InstallFlags): InstallFlags {
  const { data, vaultKeyFile, writable } = flags;
  return {
    ...flags,
    data: path.resolve(data),
    ...(vaultKeyFile === undefined ? {} : { vaultKeyFile: path.resolve(vaultKeyFile) }),
    ...(writable === undefined ? {} : { writable: writable.map((folder) => path.resolve(folder)) }),
  };
}

function thisComputer({ environment }: CommandEdge): Computer {
  return {
    platform: process.platform,
    userId: process.geteuid?.(),
    homeFolder: homedir(),
    configFolder: environment['XDG_CONFIG_HOME'] || undefined,
    systemUnits: '/etc/systemd/system',
    sealedCredentials: '/etc/credstore.encrypted',
    node: process.execPath,
    program: path.join(path.dirname(import.meta.dirname), 'main.ts'),
    run: runProgram,
  };
}

function say(edge: CommandEdge, lines: readonly string[]): void {
  edge.stdout.write(lines.map((line) => `${line}\n`).join(''));
}
