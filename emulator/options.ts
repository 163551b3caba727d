// The emulator's options: as a caller gives them, as a person gives them, and what the emulator then goes by.
import { Command, InvalidArgumentError, Option } from 'commander';
import { homedir } from 'node:os';
import path from 'node:path';
import { logLevels, type LogLevel } from '../lib/log.ts';
import { hostPort, oneOf, wholeNumber, type HostPort } from '../lib/option-values.ts';
import { version } from '../lib/version.ts';

export interface EmulatorOptions {
  /** Where tenant, keys and contents are kept. @default ~/.drover/emulator */
  dataFolder?: string;
  /** The address for TLS; port 0 takes any free one. @default 127.0.0.1:7480 */
  listen?: HostPort;
  /** The address for HTTP without TLS. @default 127.0.0.1:0 */
  httpListen?: HostPort;
  /** The address of the proxy. @default 127.0.0.1:0 */
  proxyListen?: HostPort;
  /** A file with fault rules. @default none */
  faultsFile?: string;
  /** The least time from a request's head to its reply's. @default 0 */
  latencyMs?: number;
  /** For each direction of each connection. @default no limit */
  bandwidthBytesPerSecond?: number;
  /** What one application may use in a minute. @default no limit */
  resourceUnitsPerMinute?: number;
  /** What one application may use in a day. @default no limit */
  resourceUnitsPerDay?: number;
  /** What one fragment of an upload costs. @default 2 */
  fragmentResourceUnits?: number;
  /** Whether throttled calls use up units all the same. @default true */
  countThrottled?: boolean;
  /** An upload session that nothing was sent to for so long is forgotten. @default 15 minutes */
  sessionExpiryMs?: number;
  /** How long an access token is good for. @default 3599 seconds */
  tokenLifetimeMs?: number;
  /**
   * Whether what the real service tolerates now and then is refused: tokens at addresses that need none, and fragments that are
   * no multiple of 320 KiB. @default false
   */
  strict?: boolean;
}

type Unlimited =
  | 'faultsFile'
  | 'bandwidthBytesPerSecond'
  | 'resourceUnitsPerMinute'
  | 'resourceUnitsPerDay';

/** Complete; undefined is no limit, or none. */
export type CompiledEmulatorOptions = Required<Omit<EmulatorOptions, Unlimited>> & {
  [name in Unlimited]: EmulatorOptions[name] | undefined;
};

const defaults = {
  dataFolder: path.join(homedir(), '.drover', 'emulator'),
  listen: '127.0.0.1:7480',
  anyPort: '127.0.0.1:0',
  latencyMs: 0,
  fragmentResourceUnits: 2,
  sessionExpiryMs: 15 * 60 * 1000,
  tokenLifetimeMs: 3_599_000,
};

/** Complete options. */
export function compileEmulatorOptions(options: EmulatorOptions): CompiledEmulatorOptions {
  return {
    dataFolder: path.resolve(options.dataFolder ?? defaults.dataFolder),
    listen: options.listen ?? hostPort(defaults.listen),
    httpListen: options.httpListen ?? hostPort(defaults.anyPort),
    proxyListen: options.proxyListen ?? hostPort(defaults.anyPort),
    faultsFile: options.faultsFile,
    latencyMs: options.latencyMs ?? defaults.latencyMs,
    bandwidthBytesPerSecond: options.bandwidthBytesPerSecond,
    resourceUnitsPerMinute: options.resourceUnitsPerMinute,
    resourceUnitsPerDay: options.resourceUnitsPerDay,
    fragmentResourceUnits: options.fragmentResourceUnits ?? defaults.fragmentResourceUnits,
    countThrottled: options.countThrottled ?? true,
    sessionExpiryMs: options.sessionExpiryMs ?? defaults.sessionExpiryMs,
    tokenLifetimeMs: options.tokenLifetimeMs ?? defaults.tokenLifetimeMs,
    strict: options.strict ?? false,
  };
}

/** What a person says on the command line: the emulator's options, and what the process does around it. */
export interface ProcessOptions {
  emulator: EmulatorOptions;
  logLevel: LogLevel;
  /** Print one JSON line when it is ready, in place of sentences. */
  json: boolean;
}

interface Flags {
  data: string;
  listen: HostPort;
  httpListen: HostPort;
  proxyListen: HostPort;
  faults?: string;
  latency: number;
  bandwidth?: number;
  resourceUnitsPerMinute?: number;
  resourceUnitsPerDay?: number;
  fragmentResourceUnits: number;
  countThrottled: boolean;
  sessionExpiry: number;
  tokenLifetime: number;
  strict?: boolean;
  logLevel: LogLevel;
  json?: boolean;
}

/**
 * Parses the arguments after the program's name; what is absent comes from the environment, then from the defaults. Throws a
 * CommanderError, which has been printed, for bad flags and for --help and --version.
 */
export function parseEmulatorOptions(
  args: readonly string[],
  writeError: (text: string) => void,
): ProcessOptions {
  const command = emulatorCommand().exitOverride().configureOutput({ writeErr: writeError });
  const flags = command.parse([...args], { from: 'user' }).opts<Flags>();
  const { faults, bandwidth, resourceUnitsPerMinute, resourceUnitsPerDay } = flags;
  return {
    emulator: {
      dataFolder: flags.data,
      listen: flags.listen,
      httpListen: flags.httpListen,
      proxyListen: flags.proxyListen,
      latencyMs: flags.latency,
      fragmentResourceUnits: flags.fragmentResourceUnits,
      countThrottled: flags.countThrottled,
      sessionExpiryMs: flags.sessionExpiry * 1000,
      tokenLifetimeMs: flags.tokenLifetime * 1000,
      strict: flags.strict ?? false,
      ...(faults === undefined ? {} : { faultsFile: faults }),
      ...(bandwidth === undefined ? {} : { bandwidthBytesPerSecond: bandwidth }),
      ...(resourceUnitsPerMinute === undefined ? {} : { resourceUnitsPerMinute }),
      ...(resourceUnitsPerDay === undefined ? {} : { resourceUnitsPerDay }),
    },
    logLevel: flags.logLevel,
    json: flags.json ?? false,
  };
}

function emulatorCommand(): Command {
  const command = new Command('drover-emulator')
    .description(
      "A tenant on your own machine: Entra ID's sign-in, and Microsoft Graph and SharePoint's drives, with faults and throttling on request.",
    )
    .version(version)
    .allowExcessArguments(false);
  const options = [...addressOptions(), ...mistreatmentOptions(), ...otherOptions()];
  for (const option of options) command.addOption(option);
  return command;
}

function addressOptions(): Option[] {
  return [
    environment('--data <folder>', 'where tenant, keys and the contents of drives are kept')
      .argParser(nonEmpty)
      .default(defaults.dataFolder),
    environment('--listen <host:port>', 'the address for TLS; port 0 takes any free one')
      .argParser(hostPort)
      .default(hostPort(defaults.listen), defaults.listen),
    environment('--http-listen <host:port>', 'the address for HTTP without TLS')
      .argParser(hostPort)
      .default(hostPort(defaults.anyPort), defaults.anyPort),
    environment(
      '--proxy-listen <host:port>',
      "the address of the proxy that leads Microsoft's host names here",
    )
      .argParser(hostPort)
      .default(hostPort(defaults.anyPort), defaults.anyPort),
  ];
}

function mistreatmentOptions(): Option[] {
  return [
    environment('--faults <file>', 'a JSON file with fault rules').argParser(nonEmpty),
    environment('--latency <ms>', 'answer no request sooner than this, up to 600000')
      .argParser(wholeNumber(0, 600_000))
      .default(defaults.latencyMs),
    environment(
      '--bandwidth <bytes-per-second>',
      'how fast bodies go, in each direction of each connection',
    ).argParser(wholeNumber(1, 1e12)),
    environment(
      '--resource-units-per-minute <units>',
      'throttle an application that uses more in a minute',
    ).argParser(wholeNumber(1, 1e9)),
    environment(
      '--resource-units-per-day <units>',
      'throttle an application that uses more in a day',
    ).argParser(wholeNumber(1, 1e12)),
    environment('--fragment-resource-units <units>', 'what a fragment of an upload costs')
      .argParser(wholeNumber(0, 1000))
      .default(defaults.fragmentResourceUnits),
    environment('--no-count-throttled', 'calls that are throttled use up no resource units'),
  ];
}

function otherOptions(): Option[] {
  return [
    environment(
      '--session-expiry <seconds>',
      'forget an upload session that nothing was sent to for so long, from 1 to 604800',
    )
      .argParser(wholeNumber(1, 604_800))
      .default(defaults.sessionExpiryMs / 1000),
    environment('--token-lifetime <seconds>', 'how long access tokens are good for, up to 86400')
      .argParser(wholeNumber(1, 86_400))
      .default(defaults.tokenLifetimeMs / 1000),
    environment(
      '--strict',
      'refuse fragments that are no multiple of 320 KiB, and tokens at upload and download addresses',
    ),
    environment('--log-level <level>', `what is written to standard error: ${logLevels.join(', ')}`)
      .argParser(oneOf(...logLevels))
      .default('info'),
    environment('--json', 'print one JSON line when ready'),
  ];
}

/** An option that the environment can give too: --http-listen as DROVER_EMULATOR_HTTP_LISTEN. */
function environment(flags: string, description: string): Option {
  const name = flags.split(' ')[0]!.slice(2).replaceAll('-', '_').toUpperCase();
  return new Option(flags, description).env(`DROVER_EMULATOR_${name}`);
}

function nonEmpty(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}
