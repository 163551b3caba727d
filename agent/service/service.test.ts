// Services by the programs of the computer, which are played; systemd's own check of the unit is run where it is there.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'; // oxfmt-ignore
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { writeSettings } from '../settings-file.ts';
import * as actions from './service-actions.ts';
import type { InstallFlags } from './service-command.ts';
import type { Answer, Computer } from './service-manager.ts';
import { systemdUnit, type UnitPlan } from './systemd-unit.ts';
import { windowsTask } from './windows-task.ts';

const plan: UnitPlan = {
  node: '/opt/node/bin/node',
  program: '/opt/drover/agent/main.ts',
  dataFolder: '/srv/drover',
  vaultKeyFile: undefined,
  writable: [],
  user: 'drover',
  scope: 'system',
  hasKeyCredential: false,
};

const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((file) => existsSync(file)); // oxfmt-ignore

function folderFor(t: ExecutionContext): string {
  // Not one that a unit has a temporary folder of its own in the place of.
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-service-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

class Scene {
  readonly folder: string;
  readonly data: string;
  readonly calls: string[] = [];
  readonly unit: string;
  shown = '';
  status = 0;
  environment: Record<string, string> = {};
  /** What the computer's programs answer. */
  answer: (call: string) => Answer = () => ({ status: 0, text: '' });
  readonly computer: Computer;

  constructor(t: ExecutionContext, more: Partial<Computer> = {}) {
    this.folder = folderFor(t);
    this.data = path.join(this.folder, 'data');
    mkdirSync(this.data);
    writeSettings(this.data, { coordinators: [{ host: 'localhost', port: 7443 }], signIn: 'none' });
    this.unit = path.join(this.folder, 'units', 'drover-agent.service');
    this.computer = {
      platform: 'linux',
      userId: 0,
      homeFolder: path.join(this.folder, 'home'),
      configFolder: undefined,
      systemUnits: path.dirname(this.unit),
      sealedCredentials: path.join(this.folder, 'sealed'),
      node: '/opt/node/bin/node',
      program: '/opt/drover/agent/main.ts',
      run: (program, args) => {
        const call = [program, ...args].join(' ');
        this.calls.push(call);
        return Promise.resolve(this.answer(call));
      },
      ...more,
    };
  }

  get edge() {
    const stdout = new PassThrough();
    stdout.on('data', (chunk) => (this.shown += String(chunk)));
    const { signal } = new AbortController();
    return {
      environment: this.environment,
      stdin: new PassThrough(),
      stdout,
      stderr: stdout,
      signals: { drain: signal, stop: signal },
      finish: (status: number) => (this.status = status),
    };
  }

  async install(flags: Partial<InstallFlags> = {}): Promise<string> {
    this.shown = '';
    await actions.install({ data: this.data, start: true, ...flags }, this.edge, this.computer);
    return this.shown;
  }

  async uninstall(): Promise<string> {
    this.shown = '';
    await actions.uninstall(this.edge, this.computer);
    return this.shown;
  }

  async ask(): Promise<string> {
    this.shown = '';
    await actions.status(this.edge, this.computer);
    return this.shown;
  }
}

test('the unit has what an agent bears of hardening, and what it needs', (t) => {
  const lines = systemdUnit(plan).split('\n');
  for (const line of [
    'ExecStart="/opt/node/bin/node" "--max-semi-space-size=4" "/opt/drover/agent/main.ts" "run" "--data" "/srv/drover"',
    'User=drover',
    'Restart=always',
    'KillSignal=SIGTERM',
    'UMask=0077',
    'LimitCORE=0',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'ProtectHome=read-only',
    'PrivateTmp=yes',
    'ReadWritePaths="/srv/drover"',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'SystemCallFilter=@system-service @pkey',
    // With it, Node.js dies at its start.
    'MemoryDenyWriteExecute=no',
    'CapabilityBoundingSet=',
    'WantedBy=multi-user.target',
  ])
    t.true(lines.includes(line), line);
});

test('a path is one word in the unit, whatever is in it', (t) => {
  const odd = '/srv/a "b" 100% $HOME \\ c';
  const unit = systemdUnit({ ...plan, dataFolder: odd, writable: ['/mnt/x y'] });
  t.true(unit.includes(String.raw`"--data" "/srv/a \"b\" 100%% $$HOME \\ c"`));
  t.true(unit.includes(String.raw`ReadWritePaths="/srv/a \"b\" 100%% $HOME \\ c" "/mnt/x y"`));
  t.throws(() => systemdUnit({ ...plan, dataFolder: '/srv/a\nExecStartPre=/bin/evil' }), { message: /control character/ }); // oxfmt-ignore
});

test('a temporary folder of its own does not hide what it needs', (t) => {
  t.true(systemdUnit({ ...plan, writable: ['/tmp/x'] }).includes('PrivateTmp=no'));
  t.true(systemdUnit({ ...plan, dataFolder: '/tmpfs' }).includes('PrivateTmp=yes'));
});

for (const [what, more] of Object.entries({
  'of the computer': {},
  'of root': { user: undefined },
  'of a user': { scope: 'user' as const },
  'with odd paths and a key': { dataFolder: '/srv/a "b" 100% $HOME', vaultKeyFile: '/etc/drover key', writable: ['/mnt/x y'], hasKeyCredential: true }, // oxfmt-ignore
}))
  (analyze === undefined ? test.skip : test)(
    `systemd finds nothing wrong with a unit ${what}`,
    (t) => {
      const file = path.join(folderFor(t), 'drover-agent.service');
      // The program has to be there for the check.
      writeFileSync(
        file,
        systemdUnit({ ...plan, ...more, node: process.execPath, user: undefined }),
      );
      t.is(execFileSync(analyze!, ['verify', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }), ''); // oxfmt-ignore
    },
  );

test('install writes the unit once, has it started, and says what to know', async (t) => {
  const scene = new Scene(t);
  scene.answer = (call) => ({ status: call.includes('is-active') ? 3 : 0, text: '' });
  const said = await scene.install({ writable: [scene.folder] });
  t.is(readFileSync(scene.unit, 'utf8').split('\n')[0], '# Written by `drover-agent service install`; `drover-agent service uninstall` removes it.'); // oxfmt-ignore
  t.deepEqual(scene.calls, [
    'systemctl daemon-reload',
    'systemctl is-active --quiet drover-agent.service',
    'systemctl enable --now drover-agent.service',
  ]);
  t.regex(said, /^wrote .*drover-agent\.service\n.*--writable\n.*systemd-creds encrypt --name=drover-vault-key .*seal-key.*\nenabled: .*\nlook at it/); // oxfmt-ignore
  t.regex(await scene.install({ writable: [scene.folder] }), /is as it was/);
  scene.answer = () => ({ status: 0, text: '' });
  t.regex(await scene.install(), /wrote .* anew[^]*still runs by its old definition; type: systemctl restart/); // oxfmt-ignore
  t.regex(await scene.install({ start: false }), /not started; type: systemctl enable --now/);
});

test('the key that systemd has is asked for in the unit', async (t) => {
  const scene = new Scene(t);
  mkdirSync(scene.computer.sealedCredentials);
  writeFileSync(path.join(scene.computer.sealedCredentials, 'drover-vault-key'), '');
  await scene.install();
  t.regex(readFileSync(scene.unit, 'utf8'), /^LoadCredentialEncrypted=drover-vault-key$/m);
});

test('it runs as the owner of the data folder, or as the account that is given', async (t) => {
  const scene = new Scene(t);
  await scene.install({ account: 'drover' });
  t.regex(readFileSync(scene.unit, 'utf8'), /^User=drover$/m);
  await scene.install();
  const own = process.geteuid?.() ?? 0;
  if (own === 0) t.notRegex(readFileSync(scene.unit, 'utf8'), /^User=/m);
  else t.regex(readFileSync(scene.unit, 'utf8'), new RegExp(`^User=${own}$`, 'm'));
  if (own !== 0) return;
  chownSync(scene.data, 1234, 1234);
  await scene.install();
  t.regex(readFileSync(scene.unit, 'utf8'), /^User=1234$/m);
});

test('without systemd it is said what to type where it runs', async (t) => {
  const scene = new Scene(t);
  scene.answer = () => ({ status: undefined, text: '' });
  t.regex(await scene.install(), /systemctl is not there.*\nwhere systemd runs, type:\n {2}systemctl daemon-reload\n {2}systemctl enable --now drover-agent\.service\n$/); // oxfmt-ignore
  scene.answer = () => ({ status: 1, text: 'System has not been booted with systemd\nmore' });
  t.regex(await scene.install(), /systemctl refused: System has not been booted with systemd\n/);
  t.regex(await scene.uninstall(), /removed .*\nsystemctl refused: .*[^]*systemctl stop/);
  t.false(existsSync(scene.unit));
});

test('a unit of somebody else is left alone', async (t) => {
  const scene = new Scene(t);
  mkdirSync(path.dirname(scene.unit));
  const text = '[Service]\nExecStart=/bin/true\n# Written by `drover-agent service install`\n';
  writeFileSync(scene.unit, text);
  for (const change of [scene.install(), scene.uninstall()])
    await t.throwsAsync(change, { message: /was not written by .* and is left alone/ });
  t.is(readFileSync(scene.unit, 'utf8'), text);
  t.deepEqual(scene.calls, []);
  t.regex(await scene.ask(), /which `drover-agent service install` did not write/);
});

test('uninstall removes what install wrote, and nothing else', async (t) => {
  const scene = new Scene(t);
  t.regex(await scene.uninstall(), /there is no .*; nothing to remove/);
  await scene.install();
  scene.calls.length = 0;
  t.regex(await scene.uninstall(), /^stopped and disabled\nremoved .*; the data folder of the agent is left/); // oxfmt-ignore
  t.deepEqual(scene.calls, ['systemctl disable --now drover-agent.service', 'systemctl daemon-reload']); // oxfmt-ignore
  t.false(existsSync(scene.unit));
  t.true(existsSync(path.join(scene.data, 'agent.json')));
});

test('the status tells apart what runs, what does not, and what is not there', async (t) => {
  const scene = new Scene(t);
  t.regex(await scene.ask(), /not installed/);
  t.is(scene.status, 4);
  await scene.install();
  const show = (state: string) => ({ status: 0, text: `ActiveState=${state}\nSubState=x\nUnitFileState=enabled\nMainPID=7\nNRestarts=2\nExecMainStatus=2` }); // oxfmt-ignore
  scene.answer = () => show('active');
  t.regex(
    await scene.ask(),
    /installed as .*\nactive \(x\), enabled; process 7, started again 2 times\n$/,
  );
  t.is(scene.status, 0);
  scene.answer = () => show('activating');
  t.regex(await scene.ask(), /it ended last with status 2; read why: journalctl --unit/);
  t.is(scene.status, 3);
});

test('who is not root has a unit of their own, with less of hardening', async (t) => {
  const scene = new Scene(t, { userId: 1000 });
  const file = path.join(scene.computer.homeFolder, '.config/systemd/user/drover-agent.service');
  t.regex(await scene.install(), /it runs as you[^]*loginctl enable-linger/);
  const unit = readFileSync(file, 'utf8');
  t.notRegex(unit, /ProtectSystem|User=|CapabilityBoundingSet/);
  t.regex(unit, /WantedBy=default\.target/);
  t.deepEqual(scene.calls[0], 'systemctl --user daemon-reload');
  await t.throwsAsync(scene.install({ account: 'x' }), { message: /--account: needs root/ });
});

test('a proxy on the way to the coordinator, which the service would not know of, is told of', async (t) => {
  const scene = new Scene(t);
  scene.environment = { HTTPS_PROXY: 'http://ann:hunter2@proxy:3128' };
  t.notRegex(await scene.install(), /proxy/, 'the coordinator is on this computer');
  const coordinators = ['a', 'b'].map((host) => ({ host, port: 7443 }));
  writeSettings(scene.data, { coordinators, signIn: 'none' });
  const said = await scene.install();
  t.is(said.match(/through the proxy that HTTPS_PROXY names/g)?.length, 1);
  t.regex(
    said,
    /`systemctl edit drover-agent\.service`, and write below \[Service\]: Environment=HTTPS_PROXY=…/,
  );
  t.notRegex(said, /hunter2/);
  scene.environment = { ...scene.environment, no_proxy: 'a, b' };
  t.notRegex(await scene.install(), /proxy/);
});

test('what cannot be is refused by name', async (t) => {
  const scene = new Scene(t);
  await t.throwsAsync(scene.install({ data: scene.folder }), { message: /--data: no agent was set up in .*drover-agent setup/ }); // oxfmt-ignore
  await t.throwsAsync(scene.install({ writable: ['/nowhere'] }), { message: /--writable: there is no folder \/nowhere/ }); // oxfmt-ignore
  t.false(existsSync(scene.unit));
  const mac = new Scene(t, { platform: 'darwin' });
  await t.throwsAsync(mac.install(), { message: /is not built for darwin/ });
  if (process.geteuid?.() === 0) return;
  mkdirSync(path.dirname(scene.unit));
  chmodSync(path.dirname(scene.unit), 0o500);
  await t.throwsAsync(scene.install(), { message: /cannot be written \(EACCES\)/ });
});

test('--print shows what would be written, and writes nothing', async (t) => {
  const scene = new Scene(t);
  t.regex(await scene.install({ print: true, data: '/srv/not there yet' }), /^# Written by/);
  t.false(existsSync(scene.unit));
  t.deepEqual(scene.calls, []);
});

test('on Windows it is a task that starts with the computer', async (t) => {
  const scene = new Scene(t, { platform: 'win32', userId: undefined });
  let registered: string | undefined;
  scene.answer = (call) => {
    const file = /\/XML (\S+\.xml)/.exec(call)?.[1];
    if (file !== undefined) registered = readFileSync(file, 'utf16le');
    if (call.includes('/Delete')) registered = undefined;
    if (!call.includes('/Query')) return { status: 0, text: '' };
    return registered === undefined ? { status: 1, text: 'not found' } : { status: 0, text: registered }; // oxfmt-ignore
  };
  t.regex(
    await scene.install(),
    /registered the task "Drover agent"[^]*a task and no service[^]*started/,
  );
  t.is(registered!.codePointAt(0), 0xfeff);
  t.true(registered!.includes('<BootTrigger>') && registered!.includes('<RestartOnFailure>'));
  t.regex(
    registered!,
    /<TimeTrigger>\s+<Enabled>true<\/Enabled>\s+<StartBoundary>2020-01-01T00:00:00<\/StartBoundary>\s+<Repetition>\s+<Interval>PT5M<\/Interval>/,
    'in the order of the schema',
  );
  t.true(Number(/<Count>(\d+)<\/Count>/.exec(registered!)![1]) <= 255, 'an unsignedByte');
  t.true(scene.calls[1]!.startsWith('schtasks /Create /TN Drover agent /XML ') && !scene.calls[1]!.includes('/F')); // oxfmt-ignore
  await scene.install();
  t.true(scene.calls.some((call) => call.endsWith('.xml /F')));
  t.regex(await scene.ask(), /it does not run/);
  t.is(scene.status, 3);
  t.regex(await scene.uninstall(), /stopped and removed/);
  t.regex(await scene.ask(), /not installed/);
  scene.answer = () => ({ status: 0, text: '<Task>of somebody else</Task>' });
  for (const change of [scene.install(), scene.uninstall()])
    await t.throwsAsync(change, { message: /is left alone/ });
  scene.answer = (call) => (call.includes('/Query') ? { status: 1, text: '' } : { status: 1, text: 'ERROR: Access is denied.' }); // oxfmt-ignore
  await t.throwsAsync(scene.install(), { message: /Access is denied\..*as administrator/ });
});

test('arguments reach a program on Windows as they are', (t) => {
  const xml = windowsTask({
    ...plan,
    node: String.raw`C:\Program Files\nodejs\node.exe`,
    program: String.raw`C:\drover\agent\main.ts`,
    dataFolder: 'D:\\R&D data\\',
  });
  t.true(xml.includes(String.raw`<Command>C:\Program Files\nodejs\node.exe</Command>`));
  t.true(xml.includes('<Arguments>--max-semi-space-size=4 C:\\drover\\agent\\main.ts run --data &quot;D:\\R&amp;D data\\\\&quot;</Arguments>')); // oxfmt-ignore
});
