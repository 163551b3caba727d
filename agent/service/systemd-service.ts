// The agent as a unit of systemd: written, enabled, asked about and removed.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { writeWholeFile } from '../../lib/write-whole-file.ts';
import { keyCredentialName, keyFileName } from '../vault/vault-key.ts';
import type { Service } from './service-actions.ts';
import type { InstallFlags } from './service-command.ts';
import type { Answer, Computer } from './service-manager.ts';
import { exitNotInstalled, exitNotRunning, serviceMark, systemdUnit, unitName, type UnitPlan } from './systemd-unit.ts'; // oxfmt-ignore

export class SystemdService implements Service {
  readonly #computer: Computer;

  constructor(computer: Computer) {
    this.#computer = computer;
  }

  print(flags: InstallFlags): string {
    return systemdUnit(this.#plan(flags));
  }

  async install(flags: InstallFlags): Promise<string[]> {
    const file = this.#file();
    const before = this.#readOwn();
    const plan = this.#plan(flags);
    checkFolders(plan);
    const text = systemdUnit(plan);
    this.#write(file, text);
    const lines = [
      before === undefined ? `wrote ${file}` : before === text ? `${file} is as it was` : `wrote ${file} anew`, // oxfmt-ignore
      ...describe(plan),
    ];
    const reloaded = await this.#systemctl('daemon-reload');
    if (reloaded.status !== 0) return [...lines, ...this.#byHand(reloaded, ['daemon-reload', `enable --now ${unitName}`])]; // oxfmt-ignore
    if (!flags.start) return [...lines, `not started; type: ${this.#typed(`enable --now ${unitName}`)}`]; // oxfmt-ignore
    const wasRunning = (await this.#systemctl('is-active', '--quiet', unitName)).status === 0;
    const enabled = await this.#systemctl('enable', '--now', unitName);
    if (enabled.status !== 0) return [...lines, ...this.#byHand(enabled, [`enable --now ${unitName}`])]; // oxfmt-ignore
    lines.push('enabled: it starts with the computer, and again whenever it ends');
    if (wasRunning && before !== text) lines.push(`it still runs by its old definition; type: ${this.#typed(`restart ${unitName}`)}`); // oxfmt-ignore
    return [...lines, ...this.#whatNext()];
  }

  async uninstall(): Promise<string[]> {
    const file = this.#file();
    if (this.#readOwn() === undefined) return [`there is no ${file}; nothing to remove`];
    const disabled = await this.#systemctl('disable', '--now', unitName);
    this.#remove(file);
    const lines = [`removed ${file}; the data folder of the agent is left as it is`];
    const reloaded = await this.#systemctl('daemon-reload');
    const failed = [disabled, reloaded].find(({ status }) => status !== 0);
    if (failed === undefined) return ['stopped and disabled', ...lines];
    return [...lines, ...this.#byHand(failed, [`stop ${unitName}`, 'daemon-reload'])];
  }

  async status(): Promise<{ lines: string[]; exitStatus: number }> {
    const file = this.#file();
    if (!existsSync(file)) return { lines: [`not installed: there is no ${file}`], exitStatus: exitNotInstalled }; // oxfmt-ignore
    const owner = isOwn(readFileSync(file, 'utf8')) ? '' : ', which `drover-agent service install` did not write'; // oxfmt-ignore
    const lines = [`installed as ${file}${owner}`];
    const properties = ['ActiveState', 'SubState', 'UnitFileState', 'MainPID', 'NRestarts', 'ExecMainStatus']; // oxfmt-ignore
    const answer = await this.#systemctl('show', unitName, `--property=${properties.join(',')}`);
    if (answer.status !== 0) return { lines: [...lines, unreachable(answer)], exitStatus: exitNotRunning }; // oxfmt-ignore
    const found = Object.fromEntries(answer.text.split('\n').map((line) => line.split('=', 2) as [string, string])); // oxfmt-ignore
    const isRunning = found['ActiveState'] === 'active';
    lines.push(
      `${found['ActiveState']} (${found['SubState']}), ${found['UnitFileState']}; process ${found['MainPID']}, started again ${found['NRestarts']} times`,
    );
    if (!isRunning) lines.push(`it ended last with status ${found['ExecMainStatus']}; read why: ${this.#journal()}`); // oxfmt-ignore
    return { lines, exitStatus: isRunning ? 0 : exitNotRunning };
  }

  #plan({ data, vaultKeyFile, writable = [], account }: InstallFlags): UnitPlan {
    const { node, program, sealedCredentials } = this.#computer;
    const scope = this.#isSystem() ? 'system' : 'user';
    if (scope === 'user' && account !== undefined)
      throw DroverError.invalid('--account', 'needs root: a service of a user runs as that user');
    const owner = scope === 'system' ? (account ?? ownerOf(data)) : undefined;
    return {
      ...{ node, program, dataFolder: data, vaultKeyFile, writable, scope, user: owner },
      hasKeyCredential: existsSync(path.join(sealedCredentials, keyCredentialName)),
    };
  }

  #isSystem(): boolean {
    return this.#computer.userId === 0;
  }

  #file(): string {
    const { systemUnits, configFolder, homeFolder } = this.#computer;
    if (this.#isSystem()) return path.join(systemUnits, unitName);
    return path.join(configFolder ?? path.join(homeFolder, '.config'), 'systemd', 'user', unitName);
  }

  /** The unit that was written here; undefined when there is none. Throws INVALID_ARGUMENT when it is somebody else's. */
  #readOwn(): string | undefined {
    const file = this.#file();
    if (!existsSync(file)) return undefined;
    const text = readFileSync(file, 'utf8');
    if (isOwn(text)) return text;
    throw DroverError.invalid(file, `was not written by \`drover-agent service install\` and is left alone; move it away, or make the change in it yourself (--print shows how it would be)`); // oxfmt-ignore
  }

  #write(file: string, text: string): void {
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      // Others may read it: there is no secret in it.
      writeWholeFile(file, text, 0o644);
    } catch (cause) {
      throw DroverError.invalid(file, `cannot be written (${(cause as NodeJS.ErrnoException).code})`, cause); // oxfmt-ignore
    }
  }

  #remove(file: string): void {
    try {
      rmSync(file);
    } catch (cause) {
      throw DroverError.invalid(file, `cannot be removed (${(cause as NodeJS.ErrnoException).code})`, cause); // oxfmt-ignore
    }
  }

  #systemctl(...args: string[]): Promise<Answer> {
    return this.#computer.run('systemctl', [...(this.#isSystem() ? [] : ['--user']), ...args]);
  }

  #typed(args: string): string {
    return `systemctl ${this.#isSystem() ? '' : '--user '}${args}`;
  }

  #journal(): string {
    return `journalctl ${this.#isSystem() ? '' : '--user '}--unit ${unitName}`;
  }

  #byHand(answer: Answer, todo: readonly string[]): string[] {
    return [unreachable(answer), 'where systemd runs, type:', ...todo.map((args) => `  ${this.#typed(args)}`)]; // oxfmt-ignore
  }

  #whatNext(): string[] {
    const lines = [`look at it: drover-agent service status, or ${this.#journal()}`];
    if (!this.#isSystem()) lines.push('it ends when you sign out, unless you type: loginctl enable-linger'); // oxfmt-ignore
    return lines;
  }
}

function isOwn(text: string): boolean {
  return text.startsWith(`# ${serviceMark}`);
}

function unreachable({ status, text }: Answer): string {
  return status === undefined
    ? 'systemctl is not there, so nothing was started or stopped'
    : `systemctl refused: ${text.split('\n')[0]}`;
}

/** One that is not there would keep the unit from starting, with words that explain nothing. */
function checkFolders({ dataFolder, writable }: UnitPlan): void {
  for (const [flag, folders] of [
    ['--data', [dataFolder]],
    ['--writable', writable],
  ] as const)
    for (const folder of folders)
      if (!existsSync(folder)) throw DroverError.invalid(flag, `there is no folder ${folder}`);
}

/** By its number, which no other user takes over. */
function ownerOf(folder: string): string | undefined {
  const stats = statSync(folder, { throwIfNoEntry: false });
  return stats === undefined || stats.uid === 0 ? undefined : String(stats.uid);
}

function describe({ scope, user, dataFolder, writable, hasKeyCredential }: UnitPlan): string[] {
  if (scope === 'user') return ['it runs as you, with your rights'];
  const key = shellWord(path.join(dataFolder, keyFileName));
  return [
    `it runs as ${user === undefined ? 'root, with the rights to read and write files only' : `user ${user}`}, reads everything that this user can read, and writes to ${[dataFolder, ...writable].join(', ')} only; tasks that write to other folders need --writable`,
    hasKeyCredential
      ? `systemd opens the key of the vault for it`
      : `the key of the vault is a file; to have systemd keep it, sealed to this computer, type: mkdir --parents --mode=700 /etc/credstore.encrypted && systemd-creds encrypt --name=${keyCredentialName} ${key} /etc/credstore.encrypted/${keyCredentialName} && shred --remove ${key}, and install again`,
  ];
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
