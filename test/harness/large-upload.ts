// A large file in the middle of its way into an emulated tenant, for tests of what may happen then.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { makeLargeFiles } from '../../scripts/bench-trees.ts';
import type { LocalProcess } from '../../scripts/local-process.ts';
import type { AgentReady } from '../../scripts/local-stack.ts';
import { temporaryFolder } from './folders.ts';
import type { Tenant } from './tenant.ts';

/** How a tenant has to be started so that there is a middle, and so that the middle is seen in time. */
export const slowTenant = {
  emulatorArguments: ['--bandwidth', String(32 * 1024 * 1024)],
  coordinatorArguments: ['--heartbeat-interval', '1'],
};
/** Bytes of the file. */
export const largeBytes = 120 * 1024 * 1024;
const name = 'large 0.bin';

export interface LargeUpload {
  task: string;
  agent: LocalProcess<AgentReady>;
  destination: string;
  /** Where the file is on this computer. */
  file: string;
}

/** Starts an agent and a run, and waits until the file is on its way and not near its end. */
export async function uploadInTheMiddle(
  t: ExecutionContext,
  tenant: Tenant,
  agentName: string,
): Promise<LargeUpload> {
  t.timeout(120_000);
  const source = path.join(await temporaryFolder(t), 'source');
  makeLargeFiles(source, 1, largeBytes);
  const destination = tenant.place();
  const agent = await tenant.startAgent({ name: agentName, threads: 1 });
  t.teardown(() => agent.stop(5000));
  const task = await tenant.stack.createTask({ source, destination });
  await tenant.stack.run(task);
  await tenant.stack.until(task, ({ progress }) => progress!.inFlightBytes > largeBytes / 4);
  return { task, agent, destination, file: path.join(source, name) };
}

/** Asserts that the file is there, whole and once, and that nothing is left open. */
export async function assertUploadedOnce(
  t: ExecutionContext,
  tenant: Tenant,
  { destination, file }: LargeUpload,
): Promise<void> {
  const there = await tenant.tree(destination);
  t.deepEqual([...there.keys()], [name]);
  const { id, size } = there.get(name)!;
  t.is(await tenant.versions(destination, id), 1);
  const [arrived, content] = [
    readFileSync(tenant.localCopy(destination, name)),
    readFileSync(file),
  ];
  t.is(size, content.length);
  t.is(hash('sha256', arrived), hash('sha256', content));
  t.is((await tenant.stats()).graph.openSessions, 0);
}
