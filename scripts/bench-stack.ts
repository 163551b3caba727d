// What a workload of the bench is given, and the stack that it runs: a coordinator and an agent, attached before anything is measured.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { connectApi, type Api } from './api-client.ts';
import type { BenchOptions } from './bench-options.ts';
import { createJoinToken, startAgent, startCoordinator } from './local-stack.ts';

/** What a workload is given. */
export interface WorkloadContext {
  options: BenchOptions;
  /** The workload's own folder; empty, and removed by the caller. */
  folder: string;
  /** Says what is going on. */
  say: (text: string) => void;
}

/** Starts a coordinator and an agent, which end when `use` has. */
export async function withStack<T>(
  context: WorkloadContext,
  use: (stack: { api: Api; coordinatorPid: number; agentPid: number }) => Promise<T>,
): Promise<T> {
  const data = path.join(context.folder, 'data');
  await rm(data, { recursive: true, force: true });
  await using coordinator = await startCoordinator({ data });
  const api = connectApi(coordinator.ready);
  await using agent = await startAgent({
    data: path.join(data, 'agent'),
    coordinator: coordinator.ready,
    joinToken: await createJoinToken(api),
  });
  return await use({ api, coordinatorPid: coordinator.pid, agentPid: agent.pid });
}
