// One client calls as often as it can; an agent gets its leases all the same, and other administrators their answers.
import test from 'ava';
import { on } from 'node:events';
import { Worker } from 'node:worker_threads';
import { AccessTokenService } from '../../gen/drover/v1/access_token_pb.ts';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { attach } from './testing/attached-agent.ts';
import type { FloodMessage, FloodOptions } from './testing/flood.ts';
import { runCoordinator } from './testing/running-coordinator.ts';

const callsPerSecond = 20;
const burst = callsPerSecond * 5;
const rounds = 4;
/** Ample for a machine that is busy with other tests. */
const waitMsMax = 20_000;

test('a client that floods is refused, and an agent does not notice', async (t) => {
  t.timeout(120_000);
  // The agent of the test sends no heartbeats.
  const running = await runCoordinator(t, undefined, undefined, {
    callsPerSecond,
    leaseTtlMs: 600_000,
  });
  const { token } = await running
    .client(AccessTokenService)
    .createAccessToken({ displayName: 'flood', role: Role.VIEWER });
  const agent = await attach(running, (await running.join('a')).identity);
  const tasks = running.client(TaskService);
  const { address, authority } = running;
  const workerData: FloodOptions = { address, authority, token, connections: 2, callsAtOnce: 100 };
  const startMs = performance.now();
  const flood = new Worker(new URL('./testing/flood.ts', import.meta.url), { workerData });
  t.teardown(() => flood.terminate());
  const messages = on(flood, 'message');
  const heard = async <T>(pick: (message: FloodMessage) => T | undefined): Promise<T> => {
    for (;;) {
      const { value } = (await messages.next()) as { value: [FloodMessage] };
      const [message] = value;
      const picked = pick(message);
      if (picked !== undefined) return picked;
    }
  };
  await heard(({ first }) => (first === '429' ? first : undefined));

  const waitsMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const name = `tasks/a${round}`;
    await tasks.createTask({ task: { source: `/srv/${round}`, destination: `/b${round}` }, taskId: `a${round}` }); // oxfmt-ignore
    const askedMs = performance.now();
    await tasks.runTask({ name });
    const { key } = await agent.next('scanLease');
    waitsMs.push(performance.now() - askedMs);
    await tasks.cancelTask({ name });
    await agent.next('leaseRevocation');
    agent.send({ case: 'leaseReturn', value: { keys: [key!] } });
  }

  flood.postMessage('end');
  const answers = await heard((message) => message.answers);
  const seconds = (performance.now() - startMs) / 1000;
  const worstMs = Math.max(...waitsMs);
  t.log(`${seconds.toFixed(1)} s; answers ${JSON.stringify(answers)}; a lease took ${worstMs.toFixed(0)} ms at most`); // oxfmt-ignore
  t.true(worstMs < waitMsMax, `a lease took ${worstMs} ms`);
  t.true((answers['200'] ?? 0) <= burst + callsPerSecond * seconds + 1);
  // What is refused is held back, so that a client cannot keep the coordinator busy with refusing.
  t.true((answers['429'] ?? 0) <= 200 * (seconds / 0.5 + 1));
});
