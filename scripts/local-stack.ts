// A coordinator and agents on this machine, as processes of their own: what the quick start, the bench and the end-to-end tests
// have in common.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Connection } from '../lib/connection.ts';
import type { Api } from './api-client.ts';
import { startProcess, type LocalProcess } from './local-process.ts';

/** What a coordinator says when it is ready. */
export interface CoordinatorReady extends Connection {
  ready: true;
  /** Where a client on this machine finds the three files above, as paths in one file. */
  connectionFile: string;
  /** Its data folder. */
  data: string;
  pid: number;
}

/** What an agent says when it is attached. */
export interface AgentReady {
  ready: true;
  /** Its resource name, agents/{agent}. */
  agent: string;
  pid: number;
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
  /** Unix user id. */
  userId?: number;
  /** @default `agent` */
  name?: string;
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
  const address = new URL(options.coordinator.address).host;
  const threads = options.threads === undefined ? [] : ['--threads', String(options.threads)];
  return startProcess({
    name: options.name ?? 'agent',
    script: path.join(root, 'agent', 'main.ts'),
    arguments: ['--coordinator', address, '--data', options.data, ...threads, '--json'],
    // The environment, not an argument: other users of the machine can read arguments.
    environment: options.joinToken === undefined ? {} : { DROVER_JOIN_TOKEN: options.joinToken },
    logFolder: options.logFolder ?? path.join(options.data, 'logs'),
    ...(options.userId === undefined ? {} : { userId: options.userId }),
  });
}

/** Whether an agent with this data folder has joined already, so that it needs no token. */
export function hasJoined(agentData: string): boolean {
  return existsSync(path.join(agentData, 'identity', 'identity.json'));
}

/** A token with which one agent can join. */
export async function createJoinToken(api: Api, maxUses = 1): Promise<string> {
  return (await api.joinTokens.createJoinToken({ maxUses })).token;
}
