// The whole agent as a process with its real threads, killed and started again, against a coordinator played by the test.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { BatchItemsSchema, BatchResultsSchema, ScanPageSchema, type ScanPage } from '../gen/drover/v1/columns_pb.ts'; // oxfmt-ignore
import { ItemAction, ItemKind, ItemState } from '../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../gen/drover/v1/session_pb.ts';
import { compileCacheVariable } from '../lib/compile-cache-variable.ts';
import { PlayedCoordinator, type PlayedSession } from './link/played-coordinator.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const scanKey = { lease: 'tasks/a/runs/1/scan', generation: 1 };
const batchKey = { lease: 'tasks/a/runs/1/batches/1', generation: 1 };

interface Place {
  source: string;
  destination: string;
  data: string;
}

function placeFor(t: ExecutionContext): Place {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-main-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const place = { source: `${folder}/from`, destination: `${folder}/to`, data: `${folder}/agent` };
  mkdirSync(`${place.source}/sub`, { recursive: true });
  mkdirSync(place.destination);
  return place;
}

async function startProcess(
  t: ExecutionContext,
  coordinator: PlayedCoordinator,
  place: Place,
): Promise<{
  child: ChildProcess;
  session: PlayedSession;
  held: string[];
  ready: Promise<string>;
}> {
  const { host, port } = coordinator.address;
  const args = [main, '--coordinator', `${host}:${port}`, '--data', place.data, '--threads', '2'];
  const child = spawn(process.execPath, [...args, '--json', '--log-level', 'error'], {
    env: { ...compileCacheVariable(), DROVER_JOIN_TOKEN: coordinator.joinToken },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const ready = once(createInterface(child.stdout!), 'line').then(([line]) => line as string);
  const session = await coordinator.session();
  const { leases } = await session.expect('hello');
  session.welcome();
  return { child, session, held: leases.map(({ lease }) => lease), ready };
}

function leaseBatch(session: PlayedSession, place: Place, page: ScanPage, generation = 1): void {
  const items = create(BatchItemsSchema, {
    path: page.path,
    kind: page.kind,
    action: page.path.map(() => ItemAction.CREATE),
    size: page.size,
    modifiedNs: page.modifiedNs,
    createdNs: page.createdNs,
    fileId: page.fileId,
  });
  session.send({
    case: 'batchLease',
    value: {
      key: { ...batchKey, generation },
      source: place.source,
      destination: `file://${place.destination}`,
      phase: BatchPhase.TRANSFER,
      items: toBinary(BatchItemsSchema, items),
    },
  });
}

async function scan(session: PlayedSession, place: Place): Promise<ScanPage> {
  const { source } = place;
  const destination = `file://${place.destination}`;
  session.send({ case: 'scanLease', value: { key: scanKey, source, destination, nextPage: 1n, pageWindow: 8 } }); // oxfmt-ignore
  const page = fromBinary(ScanPageSchema, (await session.expect('scanPage')).items);
  await session.expect('scanDone');
  session.send({ case: 'acknowledgement', value: { key: scanKey } });
  return page;
}

test('scans, moves files, and ends with status 0 when it is told to', async (t) => {
  const place = placeFor(t);
  writeFileSync(`${place.source}/one.txt`, 'one');
  writeFileSync(`${place.source}/sub/zwei ä.txt`, 'two');
  await using coordinator = await PlayedCoordinator.start();
  const { child, session, ready } = await startProcess(t, coordinator, place);
  const line = { ready: true, agent: 'agents/one', data: place.data, slots: 3, pid: child.pid };
  t.like(JSON.parse(await ready), line);
  const page = await scan(session, place);
  t.deepEqual(page.path, ['one.txt', 'sub', 'sub/zwei ä.txt']);
  t.deepEqual(page.kind, [ItemKind.FILE, ItemKind.FOLDER, ItemKind.FILE]);
  leaseBatch(session, place, page);
  const done = fromBinary(BatchResultsSchema, (await session.expect('batchDone')).results);
  t.deepEqual(done.state, [ItemState.SUCCEEDED, ItemState.SUCCEEDED, ItemState.SUCCEEDED]);
  t.is(readFileSync(`${place.destination}/sub/zwei ä.txt`, 'utf8'), 'two');
  session.send({ case: 'acknowledgement', value: { key: batchKey } });
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  t.is(await session.next(), undefined);
  session.sent.end();
  t.deepEqual(await ended, [0, null]);
});

test('killed in the middle of a file, the next start leaves nothing half-written', async (t) => {
  const place = placeFor(t);
  writeFileSync(`${place.source}/large`, new Uint8Array(192 * 1024 * 1024));
  await using coordinator = await PlayedCoordinator.start();
  const one = await startProcess(t, coordinator, place);
  const page = await scan(one.session, place);
  leaseBatch(one.session, place, page);
  const names = () => readdirSync(place.destination, { recursive: true, encoding: 'utf8' });
  while (names().length === 0) await one.session.heartbeat();
  one.child.kill('SIGKILL');
  t.false(names().includes('large'), 'the kill came too late for this test to show anything');

  const two = await startProcess(t, coordinator, place);
  t.deepEqual(two.held, []);
  while (names().some((name) => name.includes('.part'))) await two.session.heartbeat();
  leaseBatch(two.session, place, page, 2);
  const done = fromBinary(BatchResultsSchema, (await two.session.expect('batchDone')).results);
  t.true(done.state.every((state) => state === ItemState.SUCCEEDED));
  t.deepEqual(new Set(names()), new Set(['large', 'sub']));
  // Twice told, it ends at once; the result that nobody acknowledged is kept and sent by the next start.
  const ended = once(two.child, 'exit');
  two.child.kill('SIGINT');
  while (!(await two.session.heartbeat()).draining);
  two.child.kill('SIGINT');
  t.deepEqual(await ended, [130, null]);
  const three = await startProcess(t, coordinator, place);
  t.deepEqual(three.held, [batchKey.lease]);
  t.is((await three.session.expect('batchDone')).key?.generation, 2);
});
