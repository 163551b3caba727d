// The coordinator put together: its parts opened in order, closed in reverse.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { connectionFileName, type Connection } from '../lib/connection.ts';
import { DroverError } from '../lib/error.ts';
import type { Logger } from '../lib/log.ts';
import { makeFolders } from '../lib/make-folders.ts';
import { formatHostPort, type HostPort } from '../lib/option-values.ts';
import { systemClock, type Clock } from '../lib/time.ts';
import { createBackup } from './backup/create-backup.ts';
import { privateFiles, storeFolder } from './backup/data-files.ts';
import { auditedDoor } from './backup/audited-door.ts';
import { openDoor } from './backup/door.ts';
import { createDispatcher } from './dispatch/create-dispatcher.ts';
import type { Metrics, MetricsSource } from './metrics/metrics.ts';
import { compileCoordinatorOptions, type CoordinatorOptions } from './options.ts';
import { ReportThreads } from './report/report-threads.ts';
import { CallLimits } from './rpc/call-limits.ts';
import { ChangeHub } from './rpc/change-hub.ts';
import { countAgents } from './rpc/count-agents.ts';
import { keepLastSeen } from './rpc/last-seen.ts';
import { OpenCalls } from './rpc/open-calls.ts';
import { rerun, runDueTask } from './rpc/run-control.ts';
import { startServer } from './rpc/server.ts';
import { Reruns } from './schedule/reruns.ts';
import { openScheduler } from './schedule/scheduler.ts';
import { openLevelStore } from './store/level-store.ts';
import type { Store } from './store/store.ts';
import { damagedStore } from './store/store-errors.ts';
import { hasStore } from './store/store-files.ts';
import { ClockWatch } from './clock-watch.ts';
import { Sweeper } from './sweeper.ts';
import { byItself } from './trust/audit-call.ts';
import { AuditLog } from './trust/audit-log.ts';
import type { CompiledEntraOptions } from './trust/entra-options.ts';
import type { Entra } from './trust/entra.ts';
import { warnOfAuthority } from './trust/authority-change.ts';
import { authorityFileName } from './trust/authority-fingerprint.ts';
import { openTrust } from './trust/open-trust.ts';
import { writeDataFile } from './trust/private-file.ts';
import { advertisedHosts, serverNames } from './trust/server-names.ts';
import { openWebhookKey } from './webhook/webhook-key.ts';
import { Webhooks } from './webhook/webhooks.ts';

export interface Coordinator extends AsyncDisposable {
  /** How a client on this machine reaches it. */
  readonly connection: Connection;
  /** The file that says so. */
  readonly connectionFile: string;
  readonly dataFolder: string;
  /** Where agents are told to look for it, such as `control:7443`. */
  readonly agentAddresses: readonly string[];
  /** Where Prometheus reads the metrics; undefined when nobody is to. */
  readonly metricsAddress: string | undefined;
  /** Ends every call and session in an orderly way, then closes the store. Idempotent. */
  close(): Promise<void>;
}

export interface CoordinatorParts {
  log: Logger;
  /** @default the machine's */
  clock?: Clock;
}

/**
 * Starts a coordinator and answers when it listens. Throws DATA_FOLDER_LOCKED, ADDRESS_IN_USE, INVALID_ARGUMENT for an option
 * or a damaged file, or UNAVAILABLE with what the file system says; nothing is left open then.
 */
export async function startCoordinator(
  given: CoordinatorOptions,
  { log, clock = systemClock }: CoordinatorParts,
): Promise<Coordinator> {
  const options = compileCoordinatorOptions(given);
  const { dataFolder, listen, advertise, leaseTtlMs, heartbeatIntervalMs } = options;
  makeDataFolder(dataFolder);
  checkDataFolder(dataFolder);
  await using parts = new AsyncDisposableStack();
  const observer = await openMetrics(options.metricsListen !== undefined, {
    dispatch: () => dispatcher.figures(),
    agents: () => countAgents(store, dispatcher),
    webhooks: () => webhooks.figures(),
  });
  const levelStore = parts.use(
    await openLevelStore(path.join(dataFolder, storeFolder), { observer }),
  );
  const webhooks = await Webhooks.open({
    store: levelStore,
    box: openWebhookKey(path.join(dataFolder, 'trust', 'webhook-key')),
    route: options.webhookRoute,
    clock,
    log,
    observer,
  });
  const { store } = webhooks;
  if (options.authorityFile === undefined) await warnOfLostAuthority(dataFolder, store, log);
  const audit = parts.adopt(new AuditLog({ store, clock, log }), (owned) => owned.close());
  const entra =
    options.entra && parts.adopt(await openEntra(options.entra, clock), (owned) => owned.close());
  const trust = await openTrust({
    folder: dataFolder,
    store: audit.store,
    quietStore: store,
    clock,
    log,
    authorityFile: options.authorityFile,
    entra,
  });
  const authorityFile = path.join(dataFolder, authorityFileName);
  await warnOfAuthority({ file: authorityFile, trust, store, audit, clock, log });
  const certificate = await trust.serverCertificate(serverNames([listen.host, ...advertise]));
  parts.adopt(await ClockWatch.start({ store, clock, log }), (owned) => owned.close());
  const sweeper = parts.adopt(new Sweeper(store, clock, log), (owned) => owned.close());
  const dispatcher = parts.adopt(
    createDispatcher({ store, clock, log, observer, options: { leaseTtlMs, heartbeatIntervalMs } }),
    (owned) => owned.close(),
  );
  const changes = parts.adopt(new ChangeHub(dispatcher), (owned) => owned.close());
  const reportThreads = parts.use(new ReportThreads());
  const sweep = () => sweeper.start();
  const hosts = advertisedHosts(advertise, listen.host);
  const addresses = () => hosts.map((host) => ({ host, port: server.port }));
  const shared = {
    store: audit.store,
    audit,
    trust,
    dispatcher,
    clock,
    log,
    changes,
    addresses,
    observer,
    limits: new CallLimits({ callsPerSecond: options.callsPerSecond, clock }),
    openCalls: new OpenCalls(clock),
    webhooks,
    reportThreads,
  };
  const scheduler = await openScheduler({
    store,
    clock,
    log,
    startRun: (task, change, signal) =>
      byItself('a run that was due was started', () => runDueTask(shared, task, change, signal)),
    onChange: (task) => changes.emit({ kind: 'task', task }),
  });
  parts.adopt(scheduler, (owned) => owned.close());
  const reruns = new Reruns({
    store,
    clock,
    log,
    start: (run, signal) =>
      byItself('what failed in a run was tried again', () => rerun(shared, run, signal)),
  });
  parts.adopt(reruns, (owned) => owned.close());
  parts.defer(
    changes.subscribe((change) => {
      if (change.kind === 'task' && change.hasEnded === true) reruns.runEnded(change.task);
    }),
  );
  reruns.load();
  const stopLastSeen = keepLastSeen({ store, dispatcher, clock, log });
  parts.defer(stopLastSeen);
  const server = await startServer({ ...shared, sweep, scheduler, certificate, listen });
  // Sessions end by themselves when the server stops, and the dispatcher closes after the last of them.
  parts.adopt(server, (owned) => owned.close());
  // Ends before the server does: that agents are gone then is no news.
  parts.adopt(webhooks, (owned) => owned.close());
  webhooks.start({ dispatcher, changes });
  const metricsAddress =
    observer && (await serveMetrics(parts, { ...options, metrics: observer, log }));
  const door = await openDoor({
    dataFolder,
    ...auditedDoor(audit, {
      isAdminToken: (token) => trust.isAdminToken(token),
      createBackup: (to, signal) =>
        createBackup({ store: levelStore, dataFolder, to, nowMs: clock.now(), signal }),
    }),
    log,
  });
  parts.adopt(door, (owned) => owned.close());
  const connection: Connection = {
    address: `https://${formatHostPort({ host: localHost(listen), port: server.port })}`,
    authorityFile,
    tokenFile: trust.adminTokenFile,
  };
  const connectionFile = path.join(dataFolder, connectionFileName);
  writeDataFile(authorityFile, trust.authorityCertificate, 0o644);
  writeDataFile(connectionFile, `${JSON.stringify(connection, undefined, 2)}\n`, 0o644);
  // First of all when closing: from then on nobody is told to come here.
  parts.defer(() => rmSync(connectionFile, { force: true }));
  sweep();
  const owned = parts.move();
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= owned.disposeAsync());
  return {
    connection,
    connectionFile,
    agentAddresses: addresses().map(formatHostPort),
    dataFolder,
    metricsAddress,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Loaded where a tenant is configured only: what reads its tokens and documents is a sixth of all that a coordinator loads. */
async function openEntra(options: CompiledEntraOptions, clock: Clock): Promise<Entra> {
  const { Entra } = await import('./trust/entra.ts');
  return new Entra(options, { clock });
}

/** Measures, when somebody is to see it; what measures is loaded only then. */
async function openMetrics(isWanted: boolean, source: MetricsSource): Promise<Metrics | undefined> {
  if (!isWanted) return undefined;
  const { Metrics } = await import('./metrics/metrics.ts');
  return new Metrics(source);
}

/** Answers with the address at which they can be read. */
async function serveMetrics(
  parts: AsyncDisposableStack,
  { metricsListen, metricsTokenFile, metrics, log }: { metricsListen: HostPort | undefined; metricsTokenFile: string | undefined; metrics: Metrics; log: Logger }, // oxfmt-ignore
): Promise<string | undefined> {
  if (metricsListen === undefined) return undefined;
  const { startMetricsServer } = await import('./metrics/metrics-server.ts');
  const token = metricsTokenFile === undefined ? undefined : readToken(metricsTokenFile);
  const server = await startMetricsServer({ listen: metricsListen, token, metrics, log });
  parts.adopt(server, (owned) => owned.close());
  return server.address;
}

function readToken(file: string): string {
  const token = readGivenFile(file).trim();
  if (token !== '') return token;
  throw DroverError.invalid('--metrics-token-file', `${file} is empty`);
}

function readGivenFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw DroverError.invalid('--metrics-token-file', `cannot be read: ${detail}`, cause);
  }
}

/** Where a client on this machine reaches an address that is listened on. */
function localHost({ host }: HostPort): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** The store is made before all that is private, so that these without a store mean that it was lost: an empty one would not show it. */
function checkDataFolder(folder: string): void {
  const store = path.join(folder, storeFolder);
  if (hasStore(store)) return;
  for (const file of privateFiles)
    if (existsSync(path.join(folder, file)))
      throw damagedStore(store, `it is missing, though ${path.join(folder, file)} is there`);
}

/** A new authority is made where the old one is missing, which may be what somebody wants; but it must not go unnoticed. */
async function warnOfLostAuthority(folder: string, store: Store, log: Logger): Promise<void> {
  const file = path.join(folder, privateFiles[0]);
  if (existsSync(file) || (await store.agents('', 1)).length === 0) return;
  log.warn({ file }, 'the certificate authority is missing; a new one is made, and every agent has to join again unless the file is brought back from a backup'); // oxfmt-ignore
}

/** A folder that is there already keeps the rights that its owner gave it; what is secret in it is closed by itself. */
function makeDataFolder(folder: string): void {
  try {
    makeFolders(path.join(folder, storeFolder), 0o700);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw DroverError.invalid('--data', `${folder} cannot be used: ${detail}`, cause);
  }
}
