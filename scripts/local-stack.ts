// A coordinator, agents and an emulated tenant on this machine, as processes of their own: what the quick start, the bench and the
// end-to-end tests have in common.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Connection } from '../lib/connection.ts';
import type { Api } from './api-client.ts';
import { startProcess, type LocalProcess } from './local-process.ts';
import { signInArguments, signInEnvironment, type SignIn } from './local-sign-in.ts';

/** What a coordinator says when it is ready. */
export interface CoordinatorReady extends Connection {
  ready: true;
  /** Where a client on this machine finds the three files above, as paths in one file. */
  connectionFile: string;
  /** Its data folder. */
  data: string;
  pid: number;
  /** Where Prometheus reads the metrics; absent where nobody is to. */
  metricsAddress?: string;
}

/** What an agent says when it is attached. */
export interface AgentReady {
  ready: true;
  /** Its resource name, agents/{agent}. */
  agent: string;
  pid: number;
}

/** What an emulator says when it is ready. */
export interface EmulatorReady {
  ready: true;
  /** With TLS. */
  url: string;
  /** The same without TLS. */
  http: string;
  /** The proxy that leads Microsoft's host names to it. */
  proxy: string;
  /** File with the certificate authority that its clients have to trust, PEM. */
  ca: string;
  /** The tenant's id. */
  tenant: string;
  tenantDomain: string;
  clientId: string;
  clientSecret: string;
  /** The application that stands for a coordinator. */
  coordinatorClientId: string;
  /** The address in place of https://login.microsoftonline.com. */
  authority: string;
  /** The address in place of https://graph.microsoft.com. */
  graph: string;
  sites: EmulatedSite[];
  users: { principalName: string; displayName: string; id: string; oneDrive: string }[];
  /** Folder with what is in its drives. */
  content: string;
  /** Address of faults and counts. */
  control: string;
  pid: number;
}

export interface EmulatedSite {
  /** As in the real world. */
  url: string;
  libraries: EmulatedLibrary[];
}

export interface EmulatedLibrary {
  title: string;
  url: string;
  /** Where its files lie on this machine. */
  folder: string;
}

export interface EmulatorOptions {
  /** Its data folder, absolute. */
  data: string;
  /** @default DATA/logs */
  logFolder?: string;
  /** host:port for TLS. @default a free port of 127.0.0.1 */
  listen?: string;
  /** @default `emulator` */
  name?: string;
  /** Further arguments. */
  arguments?: readonly string[];
}

export interface CoordinatorOptions {
  /** Its data folder, absolute. */
  data: string;
  /** @default DATA/logs */
  logFolder?: string;
  /** host:port. @default a free port of 127.0.0.1 */
  listen?: string;
  /** @default `coordinator` */
  name?: string;
  /** Further arguments. */
  arguments?: readonly string[];
}

export interface AgentOptions {
  /** Its data folder, absolute. */
  data: string;
  coordinator: CoordinatorReady;
  /** @default DATA/logs */
  logFolder?: string;
  /** Worker threads. @default as many as there are cores */
  threads?: number;
  /** A join token for the first start. */
  joinToken?: string;
  /** Without it the agent serves folders only. */
  signIn?: SignIn;
  /** Unix user id. */
  userId?: number;
  /** @default `agent` */
  name?: string;
  /** Further arguments. */
  arguments?: readonly string[];
}

const root = path.dirname(import.meta.dirname);

/** Starts a coordinator; throws StartError. */
export function startCoordinator(
  options: CoordinatorOptions,
): Promise<LocalProcess<CoordinatorReady>> {
  const listen = options.listen ?? '127.0.0.1:0';
  return startProcess({
    name: options.name ?? 'coordinator',
    script: path.join(root, 'coordinator', 'main.ts'),
    arguments: ['--data', options.data, '--listen', listen, '--json', ...(options.arguments ?? [])],
    logFolder: options.logFolder ?? path.join(options.data, 'logs'),
  });
}

/** Starts an agent and waits until it is attached; throws StartError. */
export function startAgent(options: AgentOptions): Promise<LocalProcess<AgentReady>> {
  const { data, joinToken, signIn = {}, threads, userId } = options;
  const address = new URL(options.coordinator.address).host;
  return startProcess({
    name: options.name ?? 'agent',
    script: path.join(root, 'agent', 'main.ts'),
    arguments: [
      ...['--coordinator', address, '--data', data, '--json'],
      ...(threads === undefined ? [] : ['--threads', String(threads)]),
      ...signInArguments(signIn),
      ...(options.arguments ?? []),
    ],
    // The environment, not an argument: other users of the machine can read arguments.
    environment: {
      ...signInEnvironment(signIn),
      ...(joinToken === undefined ? {} : { DROVER_JOIN_TOKEN: joinToken }),
    },
    logFolder: options.logFolder ?? path.join(data, 'logs'),
    ...(userId === undefined ? {} : { userId }),
  });
}

/** Starts an emulated tenant; throws StartError. */
export function startEmulator(options: EmulatorOptions): Promise<LocalProcess<EmulatorReady>> {
  const { data, listen = '127.0.0.1:0' } = options;
  return startProcess({
    name: options.name ?? 'emulator',
    script: path.join(root, 'emulator', 'main.ts'),
    arguments: ['--data', data, '--listen', listen, '--json', ...(options.arguments ?? [])],
    logFolder: options.logFolder ?? path.join(data, 'logs'),
  });
}

/**
 * How an agent signs in to an emulator. `proxy`: under Microsoft's own host names, as in a company's network; `direct`: under the
 * addresses that the emulator has on this machine.
 */
export function emulatorSignIn(emulator: EmulatorReady, way: 'proxy' | 'direct'): SignIn {
  const { tenant, clientId, clientSecret, ca: caFile, proxy, authority, graph } = emulator;
  const client = { tenant, clientId, clientSecret, caFile };
  // Variables of this machine do not say how something on it is reached.
  return way === 'proxy'
    ? { ...client, proxy, noProxy: 'localhost,127.0.0.1' }
    : { ...client, authority, graph, noProxy: '*' };
}

/** Whether an agent with this data folder has joined already, so that it needs no token. */
export function hasJoined(agentData: string): boolean {
  return existsSync(path.join(agentData, 'identity', 'identity.json'));
}

/** A token with which one agent can join. */
export async function createJoinToken(api: Api, maxUses = 1): Promise<string> {
  return (await api.joinTokens.createJoinToken({ maxUses })).token;
}
