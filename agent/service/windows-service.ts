// The agent as a task of the Task Scheduler: registered, asked about and removed with schtasks. schtasks was played here, and never run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import type { Service } from './service-actions.ts';
import type { InstallFlags } from './service-command.ts';
import type { Answer, Computer } from './service-manager.ts';
import { exitNotInstalled, exitNotRunning, serviceMark, type ServicePlan } from './systemd-unit.ts'; // oxfmt-ignore
import { startAgainMinutes, taskName, windowsTask } from './windows-task.ts';

export class WindowsService implements Service {
  readonly #computer: Computer;

  constructor(computer: Computer) {
    this.#computer = computer;
  }

  print(flags: InstallFlags): string {
    return windowsTask(this.#plan(flags));
  }

  async install(flags: InstallFlags): Promise<string[]> {
    const plan = this.#plan(flags);
    const before = await this.#readOwn();
    const folder = mkdtempSync(path.join(tmpdir(), 'drover-task-'));
    try {
      const file = path.join(folder, 'task.xml');
      writeFileSync(file, `\ufeff${windowsTask(plan)}`, 'utf16le');
      await this.#change('/Create', '/XML', file, ...(before === undefined ? [] : ['/F']));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    const lines = [
      `registered the task "${taskName}" of the Task Scheduler: it starts with the computer, whether or not somebody is signed in, and again within ${startAgainMinutes} minutes after it ended, unless you type: schtasks /Change /TN "${taskName}" /DISABLE`,
      'a task and no service, because Node.js cannot be one without a wrapper from elsewhere',
      'it runs as SYSTEM, for which no password has to be kept; shares are read with the accounts of the vault (drover-agent credentials set windows-account)',
    ];
    if (!flags.start) return [...lines, `not started; type: schtasks /Run /TN "${taskName}"`];
    await this.#change('/Run');
    return [...lines, 'started; look at it: drover-agent service status'];
  }

  async uninstall(): Promise<string[]> {
    if ((await this.#readOwn()) === undefined) return [`there is no task "${taskName}"; nothing to remove`]; // oxfmt-ignore
    // It may not run; and what it was doing goes on after the next start.
    await this.#schtasks('/End');
    await this.#change('/Delete', '/F');
    return [`stopped and removed the task "${taskName}"; the data folder of the agent is left as it is`]; // oxfmt-ignore
  }

  async status(): Promise<{ lines: string[]; exitStatus: number }> {
    const found = await this.#schtasks('/Query', '/XML');
    if (found.status === undefined) throw missing();
    if (found.status !== 0) return { lines: [`not installed: there is no task "${taskName}"`], exitStatus: exitNotInstalled }; // oxfmt-ignore
    const owner = found.text.includes(serviceMark) ? '' : ', which `drover-agent service install` did not write'; // oxfmt-ignore
    const { text } = await this.#schtasks('/Query', '/FO', 'CSV', '/NH', '/V');
    // 267009 is SCHED_S_TASK_RUNNING, in whatever language the rest is.
    const isRunning = text.includes('"267009"');
    const lines = [
      `installed as the task "${taskName}"${owner}`,
      isRunning ? 'it runs' : 'it does not run',
    ];
    return { lines, exitStatus: isRunning ? 0 : exitNotRunning };
  }

  #plan({ data, vaultKeyFile, account }: InstallFlags): ServicePlan {
    if (account !== undefined)
      throw DroverError.invalid('--account', 'is not built for Windows: the task runs as SYSTEM; change it in the Task Scheduler, which asks for the password itself'); // oxfmt-ignore
    const { node, program } = this.#computer;
    return { node, program, dataFolder: data, vaultKeyFile, writable: [], user: undefined };
  }

  /** The definition of the task that was registered here; undefined when there is none. */
  async #readOwn(): Promise<string | undefined> {
    const { status, text } = await this.#schtasks('/Query', '/XML');
    if (status === undefined) throw missing();
    if (status !== 0) return undefined;
    if (text.includes(serviceMark)) return text;
    throw DroverError.invalid('service', `the task "${taskName}" was not registered by \`drover-agent service install\` and is left alone; rename it`); // oxfmt-ignore
  }

  async #change(verb: string, ...args: string[]): Promise<void> {
    const { status, text } = await this.#schtasks(verb, ...args);
    if (status === 0) return;
    throw DroverError.invalid('service', `schtasks ${verb} failed: ${text}; run it in a window that was opened as administrator`); // oxfmt-ignore
  }

  #schtasks(verb: string, ...args: string[]): Promise<Answer> {
    return this.#computer.run('schtasks', [verb, '/TN', taskName, ...args]);
  }
}

function missing(): DroverError {
  return DroverError.invalid('service', 'schtasks is not there, by which tasks are registered');
}
