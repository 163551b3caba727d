// The coordinator's options: as a caller gives them, as a person gives them, and what the coordinator then goes by.
import { Command, InvalidArgumentError, Option } from 'commander';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import path from 'node:path';
import { readAuthorities } from '../lib/authorities.ts';
import { environmentProxy } from '../lib/environment-proxy.ts';
import { DroverError } from '../lib/error.ts';
import type { DispatcherRoute } from '../lib/http-dispatcher.ts';
import { logLevels, type LogLevel } from '../lib/log.ts';
import { hostPort, oneOf, wholeNumber, type HostPort } from '../lib/option-values.ts';
import { version } from '../lib/version.ts';
import { callsPerSecondDefault } from './rpc/call-limits.ts';
import { addEntraFlags, entraOptions, type EntraFlags } from './entra-flags.ts';
import {
  checkProxy,
  compileEntraOptions,
  type CompiledEntraOptions,
  type EntraOptions,
} from './trust/entra-options.ts';
import { isHostName } from './trust/server-names.ts';

export interface CoordinatorOptions {
  /** Where everything is kept. @default ~/.drover/coordinator */
  dataFolder?: string;
  /** The address to listen on; port 0 takes any free one. @default 127.0.0.1:7443 */
  listen?: HostPort;
  /** Further names and addresses under which agents reach this machine, for the certificate. @default none */
  advertise?: readonly string[];
  /** A lease whose agent was silent for so long is taken back. @default 30 seconds */
  leaseTtlMs?: number;
  /** Agents are to be heard of at least this often. @default 5 seconds, or a third of the lease's time if that is shorter */
  heartbeatIntervalMs?: number;
  /** The operator's own certificate authority, PEM: its key, its certificate and those above it. @default one that is made */
  authorityFile?: string;
  /** How many calls a second one caller may make in the long run; 0 for no limit. @default 100 */
  callsPerSecond?: number;
  /** The address at which Prometheus reads metrics, by plain HTTP. @default none */
  metricsListen?: HostPort;
  /** A file with the token that whoever reads metrics has to show. @default none has to be shown */
  metricsTokenFile?: string;
  /** PEM with certificate authorities to trust on the way to webhooks, beside those of the computer. @default none */
  webhookCaFile?: string;
  /** The HTTP proxy to get to webhooks by, and hosts that are reached without it, with commas. @default none */
  proxy?: { url: string; except: string };
  /** The tenant whose people and programs may sign in. @default none */
  entra?: EntraOptions;
}

export type CompiledCoordinatorOptions = Required<
  Omit<
    CoordinatorOptions,
    'entra' | 'authorityFile' | 'metricsListen' | 'metricsTokenFile' | 'webhookCaFile' | 'proxy'
  >
> & {
  authorityFile: string | undefined;
  metricsListen: HostPort | undefined;
  metricsTokenFile: string | undefined;
  /** How webhooks are reached. */
  webhookRoute: DispatcherRoute;
  entra: CompiledEntraOptions | undefined;
};

const defaults = {
  dataFolder: path.join(homedir(), '.drover', 'coordinator'),
  listen: '127.0.0.1:7443',
  leaseTtlMs: 30_000,
  heartbeatIntervalMs: 5000,
  callsPerSecond: callsPerSecondDefault,
};

/** Complete, checked options. Throws INVALID_ARGUMENT that names the option as the command line calls it. */
export function compileCoordinatorOptions(options: CoordinatorOptions): CompiledCoordinatorOptions {
  const leaseTtlMs = options.leaseTtlMs ?? defaults.leaseTtlMs;
  const heartbeatIntervalMs =
    options.heartbeatIntervalMs ??
    Math.min(defaults.heartbeatIntervalMs, Math.floor(leaseTtlMs / 3));
  if (heartbeatIntervalMs > leaseTtlMs / 2)
    throw DroverError.invalid(
      '--heartbeat-interval',
      `must be at most half of --lease-ttl, which is ${leaseTtlMs / 1000} seconds`,
    );
  return {
    dataFolder: path.resolve(options.dataFolder ?? defaults.dataFolder),
    listen: options.listen ?? hostPort(defaults.listen),
    advertise: options.advertise ?? [],
    leaseTtlMs,
    heartbeatIntervalMs,
    authorityFile: options.authorityFile && path.resolve(options.authorityFile),
    callsPerSecond: options.callsPerSecond ?? defaults.callsPerSecond,
    ...compileMetricsOptions(options),
    webhookRoute: compileWebhookRoute(options),
    entra: options.entra && compileEntraOptions(options.entra),
  };
}

function compileMetricsOptions({ metricsListen, metricsTokenFile }: CoordinatorOptions) {
  if (metricsTokenFile !== undefined && metricsListen === undefined)
    throw DroverError.invalid('--metrics-token-file', 'says who may read metrics, and --metrics-listen does not say where'); // oxfmt-ignore
  return { metricsListen, metricsTokenFile: metricsTokenFile && path.resolve(metricsTokenFile) };
}

function compileWebhookRoute({ webhookCaFile, proxy }: CoordinatorOptions): DispatcherRoute {
  return {
    proxyUrl: proxy && checkProxy(proxy.url),
    noProxy: proxy?.except,
    authorities: webhookCaFile === undefined ? [] : readAuthorities(path.resolve(webhookCaFile), '--webhook-ca-file'), // oxfmt-ignore
  };
}

/** What a person says on the command line when the coordinator is to run: its options, and what the process does around it. */
export interface ServeOptions {
  kind: 'serve';
  coordinator: CoordinatorOptions;
  logLevel: LogLevel;
  /** Print one JSON line when it is ready, in place of sentences. */
  json: boolean;
}

/** What a person says to have something done to the coordinator's data; all paths are absolute. */
export type MaintenanceOptions = { dataFolder: string; json: boolean } & (
  | { kind: 'backup'; to: string }
  | { kind: 'restore'; from: string }
  | { kind: 'check' }
  | { kind: 'fingerprint' }
);

export type ProcessOptions = ServeOptions | MaintenanceOptions;

type Environment = Readonly<Record<string, string | undefined>>;

interface Flags extends EntraFlags {
  data: string;
  listen: HostPort;
  advertise?: string[];
  leaseTtl: number;
  heartbeatInterval?: number;
  authorityFile?: string;
  callsPerSecond: number;
  metricsListen?: HostPort;
  metricsTokenFile?: string;
  webhookCaFile?: string;
  logLevel: LogLevel;
  json?: boolean;
}

/**
 * Parses the arguments after the program's name; what is absent comes from the environment, then from the defaults. Throws a
 * CommanderError, which has been printed, for bad flags and for --help and --version.
 */
export function parseCoordinatorOptions(
  args: readonly string[],
  writeError: (text: string) => void,
  environment: Environment = {},
): ProcessOptions {
  let options: ProcessOptions | undefined;
  const command = coordinatorCommand()
    .exitOverride()
    .configureOutput({ writeErr: writeError })
    .configureHelp({ showGlobalOptions: true })
    .action((flags: Flags) => {
      options = serveOptions(flags, environment);
    });
  addMaintenance(command, (given) => (options = given));
  command.parse([...args], { from: 'user' });
  return options!;
}

function serveOptions(flags: Flags, environment: Environment): ServeOptions {
  const { data, listen, advertise, leaseTtl, heartbeatInterval, authorityFile, callsPerSecond } =
    flags;
  const { metricsListen, metricsTokenFile, webhookCaFile } = flags;
  const { proxyUrl, noProxy = '' } = environmentProxy(environment);
  const entra = entraOptions(flags, environment);
  return {
    kind: 'serve',
    coordinator: {
      dataFolder: data,
      listen,
      leaseTtlMs: leaseTtl * 1000,
      callsPerSecond,
      ...(authorityFile === undefined ? {} : { authorityFile }),
      ...(entra === undefined ? {} : { entra }),
      ...(metricsListen === undefined ? {} : { metricsListen }),
      ...(metricsTokenFile === undefined ? {} : { metricsTokenFile }),
      ...(webhookCaFile === undefined ? {} : { webhookCaFile }),
      ...(proxyUrl === undefined ? {} : { proxy: { url: proxyUrl, except: noProxy } }),
      ...(advertise === undefined ? {} : { advertise }),
      ...(heartbeatInterval === undefined ? {} : { heartbeatIntervalMs: heartbeatInterval * 1000 }),
    },
    logLevel: flags.logLevel,
    json: flags.json ?? false,
  };
}

/** The commands beside running; they take the data folder, and how to print, from the options that all have. */
function addMaintenance(program: Command, take: (options: MaintenanceOptions) => void): void {
  const shared = (): { dataFolder: string; json: boolean } => {
    const { data, json = false } = program.opts<Flags>();
    return { dataFolder: path.resolve(data), json };
  };
  program
    .command('backup')
    .description('copy the data to a new folder, while the coordinator runs or not')
    .addOption(folderOption('--to <folder>', 'the folder to make'))
    .action(({ to }: { to: string }) =>
      take({ kind: 'backup', to: path.resolve(to), ...shared() }),
    );
  program
    .command('restore')
    .description('bring a backup back, into a data folder that is empty or missing')
    .addOption(folderOption('--from <folder>', 'the folder of the backup'))
    .action(({ from }: { from: string }) =>
      take({ kind: 'restore', from: path.resolve(from), ...shared() }),
    );
  program
    .command('check')
    .description('read all data of a coordinator that does not run, and say what is wrong with it')
    .action(() => take({ kind: 'check', ...shared() }));
  program
    .command('fingerprint')
    .description(
      'print the SHA-256 of the certificate authority, which join tokens and invitations hold, while the coordinator runs or not',
    )
    .action(() => take({ kind: 'fingerprint', ...shared() }));
}

function folderOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser(nonEmpty).makeOptionMandatory();
}

function coordinatorCommand(): Command {
  const command = new Command('drover-coordinator')
    .description(
      'Keeps migration tasks and gives their work to agents; it never sees a byte of a file.',
    )
    .version(version)
    .allowExcessArguments(false)
    .addOption(
      new Option('--data <folder>', 'where the coordinator keeps everything')
        .env('DROVER_COORDINATOR_DATA')
        .argParser(nonEmpty)
        .default(defaults.dataFolder),
    )
    .addOption(
      new Option('--listen <host:port>', 'the address to listen on; port 0 takes any free one')
        .env('DROVER_COORDINATOR_LISTEN')
        .argParser(hostPort)
        .default(hostPort(defaults.listen), defaults.listen),
    )
    .addOption(
      new Option(
        '--advertise <host>',
        'a further name or address of this machine, for its certificate; several with commas, or given again',
      )
        .env('DROVER_COORDINATOR_ADVERTISE')
        .argParser(hostList),
    )
    .addOption(
      new Option(
        '--authority-file <file>',
        'a certificate authority of your own in place of the one that is made: PEM with its key, its certificate, and those above it up to the root',
      )
        .env('DROVER_COORDINATOR_AUTHORITY_FILE')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option(
        '--lease-ttl <seconds>',
        'take work back from an agent that was silent for so long, from 2 to 3600',
      )
        .env('DROVER_COORDINATOR_LEASE_TTL')
        .argParser(wholeNumber(2, 3600))
        .default(defaults.leaseTtlMs / 1000),
    )
    .addOption(
      new Option(
        '--heartbeat-interval <seconds>',
        'how often agents are to be heard of, from 1 to 1800; at most half of --lease-ttl (default: 5, or a third of --lease-ttl)',
      )
        .env('DROVER_COORDINATOR_HEARTBEAT_INTERVAL')
        .argParser(wholeNumber(1, 1800)),
    )
    .addOption(
      new Option(
        '--calls-per-second <number>',
        'how many calls a second one caller may make in the long run, up to 100000; 0 for no limit',
      )
        .env('DROVER_COORDINATOR_CALLS_PER_SECOND')
        .argParser(wholeNumber(0, 100_000))
        .default(defaults.callsPerSecond),
    );
  command
    .addOption(
      new Option(
        '--metrics-listen <host:port>',
        'serve metrics for Prometheus at http://host:port/metrics; port 0 takes any free one (default: none are served)',
      )
        .env('DROVER_COORDINATOR_METRICS_LISTEN')
        .argParser(hostPort),
    )
    .addOption(
      new Option(
        '--metrics-token-file <file>',
        'a file with the token that whoever reads metrics has to show (default: everybody may who reaches the address)',
      )
        .env('DROVER_COORDINATOR_METRICS_TOKEN_FILE')
        .argParser(nonEmpty),
    )
    .addOption(
      new Option(
        '--webhook-ca-file <file>',
        "a PEM file with certificate authorities to trust on the way to webhooks, beside the computer's",
      )
        .env('DROVER_COORDINATOR_WEBHOOK_CA_FILE')
        .argParser(nonEmpty),
    );
  addEntraFlags(command);
  return command
    .addOption(
      new Option(
        '--log-level <level>',
        `what is written to standard error: ${logLevels.join(', ')}`,
      )
        .env('DROVER_COORDINATOR_LOG_LEVEL')
        .argParser(oneOf(...logLevels))
        .default('info'),
    )
    .addOption(
      new Option('--json', 'print one JSON line when ready').env('DROVER_COORDINATOR_JSON'),
    );
}

function nonEmpty(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}

function hostList(text: string, before: string[] | undefined): string[] {
  const hosts = text.split(',').map((host) => host.trim());
  for (const host of hosts)
    if (isIP(host) === 0 && !isHostName(host))
      throw new InvalidArgumentError('It must be a host name or an address, without a port.');
  return [...(before ?? []), ...hosts];
}
