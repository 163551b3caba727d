// The processes of a quick start: opened in the order in which each needs the others.
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { DroverError, reasonName } from '../lib/error.ts';
import type { ProcessEdge } from '../lib/process-edge.ts';
import { connectApi, type Api } from './api-client.ts';
import { StartError, describeExit, type LocalProcess } from './local-process.ts';
import type { SignIn } from './local-sign-in.ts';
import { createJoinToken, emulatorSignIn, hasJoined, startAgent, startCoordinator, startEmulator, type AgentReady, type CoordinatorReady, type EmulatorReady } from './local-stack.ts'; // oxfmt-ignore
import type { QuickStart } from './quick-start-options.ts';

export interface Processes {
  coordinator: LocalProcess<CoordinatorReady>;
  /** Undefined when the destination is served by somebody else. */
  emulator: LocalProcess<EmulatorReady> | undefined;
  agent: LocalProcess<AgentReady>;
  api: Api;
}

/** Starts what the quick start needs; `owner` ends it. Throws StartError. */
export async function openProcesses(
  plan: QuickStart,
  owner: AsyncDisposableStack,
): Promise<Processes> {
  const coordinator = owner.use(await openCoordinator(plan));
  const emulator =
    plan.service.kind === 'emulator' ? owner.use(await openEmulator(plan)) : undefined;
  const api = connectApi(coordinator.ready);
  const agent = owner.use(await openAgent(plan, { coordinator, emulator, api }));
  return { coordinator, emulator, agent, api };
}

/** All that run, the one who works first. */
export function allOf({ agent, coordinator, emulator }: Processes): LocalProcess<unknown>[] {
  return emulator === undefined ? [agent, coordinator] : [agent, coordinator, emulator];
}

/** Never resolves; rejects when one of them ends although nobody told it to. */
export async function failOnExit(processes: Processes, edge: ProcessEdge): Promise<never> {
  const ends = allOf(processes).map(async (owned) => ({ owned, exit: await owned.exited }));
  const { owned, exit } = await Promise.race(ends);
  if (edge.drain.aborted) return await new Promise<never>(() => {});
  throw new DroverError(
    ErrorReason.UNAVAILABLE,
    `the ${owned.name} ended with ${describeExit(exit)} while the run was going; its log is ${owned.logFile}`,
  );
}

/** Starts the coordinator; the data of earlier samples is wiped, as soon as it is certain that nobody uses it. */
async function openCoordinator(plan: QuickStart): Promise<LocalProcess<CoordinatorReady>> {
  if (plan.isDataDisposable && existsSync(plan.data)) {
    await proveUnused(plan.data);
    rmSync(plan.data, { recursive: true });
  }
  return await startCoordinator({ data: plan.data });
}

/** Throws StartError when a coordinator uses the data folder: its lock is what decides that, so one is started there. */
async function proveUnused(data: string): Promise<void> {
  try {
    await using _probe = await startCoordinator({ data, name: 'probe' });
  } catch (error) {
    const isLocked =
      error instanceof StartError &&
      error.words.includes(reasonName(ErrorReason.DATA_FOLDER_LOCKED));
    if (isLocked) throw error;
  }
}

async function openEmulator({ data }: QuickStart): Promise<LocalProcess<EmulatorReady>> {
  return await startEmulator({
    data: path.join(data, 'emulator'),
    logFolder: path.join(data, 'logs'),
  });
}

async function openAgent(
  plan: QuickStart,
  { coordinator, emulator, api }: Omit<Processes, 'agent'>,
): Promise<LocalProcess<AgentReady>> {
  const data = path.join(plan.data, 'agent');
  const joining = hasJoined(data) ? {} : { joinToken: await createJoinToken(api) };
  const logFolder = path.join(plan.data, 'logs');
  const signIn = signInOf(plan, emulator?.ready);
  return await startAgent({ data, coordinator: coordinator.ready, logFolder, signIn, ...joining });
}

function signInOf({ service }: QuickStart, emulator: EmulatorReady | undefined): SignIn {
  if (service.kind === 'tenant') return service.signIn;
  return emulator === undefined ? {} : emulatorSignIn(emulator, 'proxy');
}
