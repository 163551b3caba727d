// A large file in the middle of its way into an emulated tenant, for tests of what may happen then.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { makeLargeFiles } from '../../scripts/bench-trees.ts';
import type { LocalProcess } from '../../scripts/local-process.ts';
import type { AgentReady } from '../../scripts/local-stack.ts';
import { temporaryFolder } from './folders.ts';
import type { Tenant } from './tenant.ts';

/** Bytes of the file: four chunks or more. */
export const largeBytes = 40 * 1024 * 1024;
/** The chunk that never gets an answer: after it comes at least one more. */
const stalledChunk = 3;
const fileName = 'large 0.bin';
/** The group of the agent, so that no other takes its work unless the test wants that. */
const uploadGroup = 'upload';

export interface LargeUpload {
  task: string;
  agent: LocalProcess<AgentReady>;
  destination: string;
  /** Where the file is on this computer. */
  file: string;
}

/** Starts an agent and a run, and waits until some of the file has arrived; the agent waits for an answer then that will not come. */
export async function uploadInTheMiddle(
  t: ExecutionContext,
  tenant: Tenant,
  agentName: string,
): Promise<LargeUpload> {
  t.timeout(120_000);
  const source = path.join(await temporaryFolder(t), 'source');
  makeLargeFiles(source, 1, largeBytes);
  const destination = tenant.place();
  const agent = await startUploader(t, tenant, agentName);
  const task = await tenant.stack.createTask({ source, destination, agentGroup: uploadGroup });
  const stall = { kind: 'stall' };
  await tenant.faults({ method: 'PUT', path: '/uploadSession', nth: stalledChunk, fault: stall });
  await tenant.stack.run(task);
  while ((await tenant.stats()).rules[0]!.hits === 0) await delay(50);
  await tenant.faults();
  await tenant.stack.until(task, ({ progress }) => progress!.inFlightBytes > 0n);
  return { task, agent, destination, file: path.join(source, fileName) };
}

/** Starts an agent that may do such an upload; one of the same name goes on with the same data. */
export async function startUploader(
  t: ExecutionContext,
  tenant: Tenant,
  name: string,
): Promise<LocalProcess<AgentReady>> {
  const agent = await tenant.startAgent({ name, arguments: ['--group', uploadGroup] });
  t.teardown(() => agent.stop(5000));
  return agent;
}

/** Asserts that the file is there, whole and once, and that nothing is left open. */
export async function assertUploadedOnce(
  t: ExecutionContext,
  tenant: Tenant,
  { destination, file }: LargeUpload,
): Promise<void> {
  const there = await tenant.tree(destination);
  t.deepEqual([...there.keys()], [fileName]);
  const { id, size } = there.get(fileName)!;
  t.is(await tenant.versions(destination, id), 1);
  const [arrived, content] = [
    readFileSync(tenant.localCopy(destination, fileName)),
    readFileSync(file),
  ];
  t.is(size, content.length);
  t.is(hash('sha256', arrived), hash('sha256', content));
  t.is((await tenant.stats()).graph.openSessions, 0);
}
