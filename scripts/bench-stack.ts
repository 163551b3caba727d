// What a workload of the bench is given, and the stack that it runs: a coordinator and an agent, attached before anything is measured.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { connectApi, type Api } from './api-client.ts';
import type { BenchOptions } from './bench-options.ts';
import { createJoinToken, startAgent, startCoordinator } from './local-stack.ts';

export interface BenchStack {
  api: Api;
  coordinatorPid: number;
  agentPid: number;
}

/** What a workload is given. */
export interface WorkloadContext {
  options: BenchOptions;
  /** The workload's own folder; empty, and removed by the caller. */
  folder: string;
  /** Says what is going on. */
  say: (text: string) => void;
  /** The stack that all workloads have where nothing is measured; undefined: each has fresh ones. */
  smokeStack: (() => Promise<BenchStack>) | undefined;
}

/** Starts a coordinator and an agent, which end when `use` has. */
export async function withStack<T>(
  context: WorkloadContext,
  use: (stack: BenchStack) => Promise<T>,
): Promise<T> {
  if (context.smokeStack !== undefined) return await use(await context.smokeStack());
  const data = path.join(context.folder, 'data');
  await rm(data, { recursive: true, force: true });
  await using stack = await openStack(data);
  return await use(stack);
}

/** Starts a coordinator with its data in this folder, and an agent. */
export async function openStack(data: string): Promise<BenchStack & AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const coordinator = starting.use(await startCoordinator({ data }));
  const api = connectApi(coordinator.ready);
  const agent = starting.use(
    await startAgent({
      data: path.join(data, 'agent'),
      coordinator: coordinator.ready,
      joinToken: await createJoinToken(api),
    }),
  );
  const started = starting.move();
  return {
    ...{ api, coordinatorPid: coordinator.pid, agentPid: agent.pid },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
