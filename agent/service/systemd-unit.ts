// The unit that runs an agent under systemd, hardened as far as an agent bears it. PURE: a text of its parts.
import { DroverError } from '../../lib/error.ts';
import { keyCredentialName } from '../vault/vault-key.ts';

/** What a service runs. All paths are absolute. */
export interface ServicePlan {
  /** The Node.js that runs the agent. */
  node: string;
  /** agent/main.ts. */
  program: string;
  dataFolder: string;
  vaultKeyFile: string | undefined;
  /** Folders that tasks write to, beside the data folder. */
  writable: readonly string[];
  /** Whose rights the agent has; undefined: those of whoever the manager belongs to. */
  user: string | undefined;
}

export interface UnitPlan extends ServicePlan {
  /** Of the computer, or of one user. */
  scope: 'system' | 'user';
  /** Whether systemd holds the key of the vault, sealed. */
  hasKeyCredential: boolean;
}

/** Exit statuses of `status`, as systemctl has them. */
export const exitNotRunning = 3;
export const exitNotInstalled = 4;

/** Stands in what was written here, and in nothing else. */
export const serviceMark = 'Written by `drover-agent service install`';
export const unitName = 'drover-agent.service';
/** How long what is going gets to come to its end. Nothing is lost when it is over, but it has to be done again. */
export const stopTimeoutSeconds = 300;

/** Throws INVALID_ARGUMENT when a path cannot stand in a unit. */
export function systemdUnit(plan: UnitPlan): string {
  const isSystem = plan.scope === 'system';
  const lines = [
    `# ${serviceMark}; \`drover-agent service uninstall\` removes it.`,
    '[Unit]',
    'Description=Drover agent: moves files for a Drover coordinator',
    ...(isSystem ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    '# However often it fails: a coordinator that is away for a day is no reason to give up.',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${command(plan).map(argument).join(' ')}`,
    ...(isSystem && plan.user !== undefined ? [`User=${plain(plan.user)}`] : []),
    'Restart=always',
    'RestartSec=10',
    '# The first signal lets what is going come to its end; what is not done by then goes on after the next start.',
    'KillSignal=SIGTERM',
    'KillMode=mixed',
    `TimeoutStopSec=${stopTimeoutSeconds}`,
    '# What tasks write to folders is readable by this user only, too; widen it if others have to read it.',
    'UMask=0077',
    '# An image of its memory would hold its secrets.',
    'LimitCORE=0',
    ...(isSystem ? ['LimitNOFILE=65536'] : []),
    ...keyLines(plan),
    '',
    ...everywhere,
    ...(isSystem ? systemLines(plan) : userNote),
    '',
    '[Install]',
    `WantedBy=${isSystem ? 'multi-user.target' : 'default.target'}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** What is run, argument by argument. */
export function command({ node, program, dataFolder, vaultKeyFile }: ServicePlan): string[] {
  const key = vaultKeyFile === undefined ? [] : ['--vault-key-file', vaultKeyFile];
  // The first option is the one in the first line of the program, which is not read here.
  return [node, '--max-semi-space-size=4', program, 'run', '--data', dataFolder, ...key];
}

function keyLines({ scope, hasKeyCredential }: UnitPlan): string[] {
  if (scope === 'user') return [];
  return hasKeyCredential
    ? [`LoadCredentialEncrypted=${keyCredentialName}`]
    : [
        `# With the key of the vault in systemd's keeping, in /etc/credstore.encrypted/${keyCredentialName}:`,
        `#LoadCredentialEncrypted=${keyCredentialName}`,
      ];
}

/** What needs no rights to set up. */
const everywhere = [
  'NoNewPrivileges=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'RestrictNamespaces=yes',
  'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service @pkey',
  'SystemCallErrorNumber=EPERM',
  '# The engine of Node.js writes machine code while it runs.',
  'MemoryDenyWriteExecute=no',
];

const userNote = [
  "# A user's own services cannot be kept from the file system everywhere, so that it is not tried here.",
];

function systemLines(plan: UnitPlan): string[] {
  const { dataFolder, writable, user, node, program, vaultKeyFile } = plan;
  const paths = [dataFolder, ...writable];
  const read = [...paths, node, program, ...(vaultKeyFile === undefined ? [] : [vaultKeyFile])];
  const usesTemporary = read.some((path) => /^\/(var\/)?tmp(\/|$)/.test(path));
  return [
    '# Everything can be read, because sources may lie anywhere; written is here only. Name further folders that tasks write to.',
    'ProtectSystem=strict',
    'ProtectHome=read-only',
    `ReadWritePaths=${paths.map(quoted).join(' ')}`,
    usesTemporary
      ? '# PrivateTmp=yes would hide what lies in a temporary folder and is needed.\nPrivateTmp=no'
      : 'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'ProtectProc=invisible',
    // As root it reads every source and sets the dates of what it writes; nothing else of root's rights is left.
    user === undefined || user === 'root'
      ? 'CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_FOWNER'
      : 'CapabilityBoundingSet=',
    'AmbientCapabilities=',
  ];
}

/** Only a command has variables in it. */
function argument(text: string): string {
  return quoted(text).replaceAll('$', '$$$$');
}

/** As one word, without signs of the unit's language. */
function quoted(text: string): string {
  return `"${plain(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`;
}

function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- exactly these end a line, or cannot stand in one
  if (!/[\u0000-\u001f\u007f]/.test(text)) return text;
  throw DroverError.invalid('service', `${JSON.stringify(text)} has a control character, which a unit cannot hold`); // oxfmt-ignore
}
