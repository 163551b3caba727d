// The emulator put together: its parts opened in order, closed in reverse.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../lib/error.ts';
import { createLog, type Logger } from '../lib/log.ts';
import { createEntra } from './entra/entra.ts';
import { FaultEngine } from './fault/fault-engine.ts';
import { parseRules } from './fault/parse-rules.ts';
import type { FaultRule } from './fault/rule.ts';
import { ThrottleGate } from './fault/throttle-gate.ts';
import { openAuthority } from './front/authority.ts';
import { createControl } from './front/control.ts';
import { takeDataFolder } from './front/data-folder.ts';
import { describeEmulator, type EmulatorDescription } from './front/description.ts';
import { openFrontDoor, type FrontDoor } from './front/front-door.ts';
import { certificateHosts } from './front/host-names.ts';
import { createPipeline } from './front/pipeline.ts';
import { Stats } from './front/stats.ts';
import { openTenantFile } from './front/tenant-file.ts';
import { createGraph } from './graph/graph.ts';
import type { Handler } from './http/exchange.ts';
import { compileEmulatorOptions, type EmulatorOptions } from './options.ts';

export type { EmulatorDescription };

export interface RunningEmulator extends AsyncDisposable {
  /** Addresses, tenant and credentials: all a client needs. */
  readonly description: EmulatorDescription;
  /** Ends every connection, then lets the data folder go. Idempotent. */
  close(): Promise<void>;
}

export interface EmulatorParts {
  /** @default silent */
  log?: Logger;
  /** Milliseconds since 1970. @default the machine's */
  now?: () => number;
}

/**
 * Starts an emulator and answers when it listens. Throws DATA_FOLDER_LOCKED, ADDRESS_IN_USE, or INVALID_ARGUMENT for an option
 * or a damaged file; nothing is left open then.
 */
export async function startEmulator(
  given: EmulatorOptions = {},
  { log = createLog('drover-emulator', 'silent'), now = Date.now }: EmulatorParts = {},
): Promise<RunningEmulator> {
  const options = compileEmulatorOptions(given);
  const rules = options.faultsFile === undefined ? [] : readRules(options.faultsFile);
  await using parts = new AsyncDisposableStack();
  const { folder } = parts.use(takeDataFolder(options.dataFolder));
  const tenantFile = openTenantFile(folder);
  const { tenant } = tenantFile;
  const authority = await openAuthority(folder, now());
  const hosts = new Set([...certificateHosts, options.listen.host]);
  const certificate = await authority.issueServer([...hosts], now());
  const entra = await createEntra({
    tenantId: tenant.id,
    tenantName: tenant.name,
    domain: tenant.domain,
    users: tenant.users,
    apps: tenant.apps,
    keyFolder: path.join(folder, 'keys'),
    tokenLifeSeconds: options.tokenLifetimeMs / 1000,
    now,
  });
  const faults = new FaultEngine();
  faults.replace(rules);
  const throttle = new ThrottleGate(
    {
      unitsPerMinute: options.resourceUnitsPerMinute,
      unitsPerDay: options.resourceUnitsPerDay,
      countRefused: options.countThrottled,
      fragmentUnits: options.fragmentResourceUnits,
    },
    now,
    () => tenant.apps[0]?.clientId ?? '',
  );
  const stats = new Stats();
  let description: EmulatorDescription | undefined;
  let door: FrontDoor | undefined;
  // Calls within a batch go the way of all others, so that drives and pipeline know each other.
  const answerInner: Handler = (exchange) => pipeline.answerInner(exchange);
  const graph = parts.use(
    await createGraph({
      tenant,
      dataFolder: folder,
      checkToken: entra.checkToken,
      now,
      log,
      inner: answerInner,
      uploadSessionTtlMs: options.sessionExpiryMs,
      refuseStrayTokens: options.strict,
      unalignedFragments: options.strict ? 'refuse' : 'accept',
    }),
  );
  const control = createControl({
    faults,
    throttle,
    stats,
    tenantFile,
    graph,
    entra,
    openConnections: () => door?.openConnections() ?? 0,
    description: () => description ?? {},
  });
  const pipeline = createPipeline({
    control,
    entra: entra.handle,
    graph: graph.handle,
    faults,
    throttle,
    stats,
  });
  const { latencyMs, bandwidthBytesPerSecond } = options;
  const { answer } = pipeline;
  const answering = { answer, stats, log, latencyMs, bandwidthBytesPerSecond };
  const { listen, httpListen, proxyListen } = options;
  door = parts.use(
    await openFrontDoor({ certificate, listen, httpListen, proxyListen }, answering),
  );
  description = describeEmulator({ tenant, folder, authority, door, options });
  const owned = parts.move();
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= owned.disposeAsync());
  return { description, close, [Symbol.asyncDispose]: close };
}

function readRules(file: string): FaultRule[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw DroverError.invalid(
      '--faults',
      `${file} cannot be used: ${(cause as Error).message}`,
      cause,
    );
  }
  return parseRules(value, `--faults ${file}`);
}
