// Webhooks end to end: made at the command line, and a coordinator that is killed with events that nobody has taken.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runProgram } from '../scripts/program.ts';
import { temporaryFolder } from './harness/folders.ts';
import { stackOf, type Stack } from './harness/stack.ts';

const root = path.dirname(import.meta.dirname);
/** So many events are taken before the endpoint falls silent. */
const takenMax = 3;

interface Told {
  id: string;
  type: string;
  run: string;
}

/** An endpoint that takes a few events and then falls silent, until it is told to go on. */
async function openEndpoint(t: ExecutionContext) {
  const told: Told[] = [];
  const held: ServerResponse[] = [];
  const silent = Promise.withResolvers<void>();
  const endpoint = { told, silent: silent.promise, isSilent: false, url: '' };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const { type, data } = JSON.parse(body) as { type: string; data: { run: { name: string } } };
      told.push({ id: String(request.headers['webhook-id']), type, run: data.run.name });
      if (told.length > takenMax && !endpoint.isSilent && held.length === 0) endpoint.isSilent = true; // oxfmt-ignore
      if (!endpoint.isSilent) return void response.writeHead(204).end();
      held.push(response);
      silent.resolve();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  endpoint.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return endpoint;
}

/** `drover` with these words, on the coordinator of the stack. */
async function drover(stack: Stack, ...words: string[]): Promise<string> {
  const program = path.join(root, 'admin', 'cli', 'main.ts');
  const { data } = stack.coordinator.ready;
  const { stdout, status, all } = await runProgram(process.execPath, [program, ...words, '--data', data], { folder: root, timeoutMs: 60_000 }); // oxfmt-ignore
  if (status !== 0) throw new Error(all);
  return stdout;
}

/** Makes and runs tasks until the coordinator is gone; answers with the runs that it acknowledged. */
async function runUntilKilled(stack: Stack, worker: number): Promise<string[]> {
  const acknowledged: string[] = [];
  const { tasks } = stack.api;
  try {
    for (let index = 0; ; index += 1) {
      const taskId = `w${worker}-${index}`;
      await tasks.createTask({ task: { source: '/srv', destination: '/to' }, taskId });
      const { run } = await tasks.runTask({ name: `tasks/${taskId}` });
      acknowledged.push(run!.name);
    }
  } catch {
    return acknowledged;
  }
}

test('a coordinator that is killed tells afterwards what was not taken', async (t) => {
  t.timeout(180_000);
  const folder = await temporaryFolder(t);
  const stack = await stackOf(t, { folder, coordinatorArguments: ['--calls-per-second', '0'] });
  const endpoint = await openEndpoint(t);
  const made = await drover(stack, 'webhooks', 'create', '--webhook-id', 'w', '--url', endpoint.url, '--event-types', 'run.queued'); // oxfmt-ignore
  t.regex(made, /whsec_[A-Za-z0-9+/]{43}=/);
  const workers = Array.from({ length: 4 }, (_, worker) => runUntilKilled(stack, worker));
  const { coordinator } = stack;
  await endpoint.silent;
  await coordinator.kill();
  const acknowledged = (await Promise.all(workers)).flat();
  const before = endpoint.told.length;
  t.true(acknowledged.length > takenMax);

  endpoint.isSilent = false;
  await stack.startCoordinator();
  const untold = () => acknowledged.filter((run) => !endpoint.told.some((one) => one.run === run));
  const listed = async () => await drover(stack, 'webhooks', 'list');
  let list = await listed();
  for (let tries = 0; untold().length > 0 && tries < 20; tries += 1) list = await listed();
  t.deepEqual(untold(), []);
  t.regex(list, /^NAME +URL +EVENTS/);
  // What was in the air is told again, under its name, and once more when the answer comes late; nothing else is.
  const inTheAir = endpoint.told[before - 1]!;
  const again = endpoint.told.slice(before).filter(({ id }) => id === inTheAir.id);
  t.true(again.length > 0);
  for (const one of again) t.deepEqual(one, inTheAir);
  t.is(new Set(endpoint.told.map(({ run }) => run)).size, endpoint.told.length - again.length);
  t.deepEqual(new Set(endpoint.told.map(({ type }) => type)), new Set(['run.queued']));
});
