import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  ScanPageSchema,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemService, ItemState } from '../../gen/drover/v1/item_pb.ts';
import {
  AgentSessionService,
  type AttachRequestSchema,
  type BatchLease,
  type ScanLease,
} from '../../gen/drover/v1/session_pb.ts';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { AsyncQueue } from '../../lib/async-queue.ts';
import { refusalOf } from './testing/refusal.ts';
import { runCoordinator, type RunningCoordinator } from './testing/running-coordinator.ts';

type Frame = NonNullable<MessageInitShape<typeof AttachRequestSchema>['frame']>;

/** What the played source holds: a folder, files of which one cannot be read, and a link. */
const source: [path: string, kind: ItemKind][] = [
  ['folder', ItemKind.FOLDER],
  ['folder/bad', ItemKind.FILE],
  ['folder/good', ItemKind.FILE],
  ['link', ItemKind.SYMBOLIC_LINK],
  ['other', ItemKind.FILE],
];

function scanFrame({ key }: ScanLease): Frame {
  const zeros = source.map(() => 0n);
  const page = create(ScanPageSchema, {
    path: source.map(([path]) => path),
    kind: source.map(([, kind]) => kind),
    size: source.map(([, kind]) => (kind === ItemKind.FILE ? 5n : 0n)),
    modifiedNs: source.map(() => 1_000_000_000n),
    createdNs: zeros,
    fileId: zeros,
    remark: [{ index: 3, reason: ErrorReason.SYMBOLIC_LINK, message: 'a link' }],
  });
  const items = toBinary(ScanPageSchema, page);
  return { case: 'scanPage', value: { key: key!, page: 1n, items } };
}

function resultsFrame({ key, items }: BatchLease): Frame {
  const { path } = fromBinary(BatchItemsSchema, items);
  const bad = path.indexOf('folder/bad');
  const results = create(BatchResultsSchema, {
    state: path.map((_, index) => (index === bad ? ItemState.FAILED : ItemState.SUCCEEDED)),
    size: path.map(() => 5n),
    modifiedNs: path.map(() => 1_000_000_000n),
    destinationModifiedNs: path.map(() => 1_000_000_000n),
    sha256: new Uint8Array(32 * path.length).fill(1),
    quickXorHash: new Uint8Array(20 * path.length).fill(1),
    attempts: path.map(() => 1),
    remark:
      bad < 0 ? [] : [{ index: bad, reason: ErrorReason.SOURCE_ACCESS_DENIED, message: 'no' }],
  });
  const value = { key: key!, results: toBinary(BatchResultsSchema, results) };
  return { case: 'batchDone', value };
}

/** An agent that has done all it is asked for, one frame at a time, as often as `step` is called. */
async function playAgent({ client, join }: RunningCoordinator) {
  const { name, identity } = await join('player');
  const frames = new AsyncQueue<MessageInitShape<typeof AttachRequestSchema>>(100);
  const send = (frame: Frame) => frames.push({ frame });
  const hello = { slots: 1, locationKinds: ['file'], version: '1', platform: 'x/y' };
  send({ case: 'hello', value: hello });
  const session = client(AgentSessionService, { token: '', identity });
  const answers = session.attach(frames)[Symbol.asyncIterator]();
  /** Answers the next lease that comes. */
  const step = async (): Promise<void> => {
    for (;;) {
      const frame = (await answers.next()).value!.frame;
      if (frame.case === 'scanLease') {
        send(scanFrame(frame.value));
        const value = { key: frame.value.key!, pages: 1n };
        return send({ case: 'scanDone', value });
      }
      if (frame.case === 'batchLease') return send(resultsFrame(frame.value));
    }
  };
  return { name, step, leave: () => frames.end() };
}

async function listPaths({ client }: RunningCoordinator, state: ItemState, pageSize = 2) {
  const items = client(ItemService, { protocol: 'connect' });
  const pages: string[][] = [];
  let pageToken = '';
  do {
    const page = await items.listItems({ parent: 'tasks/a/runs/1', pageSize, pageToken, state });
    pages.push(page.items.map(({ path }) => path));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return pages;
}

async function startRun(t: ExecutionContext, scanOnly: boolean) {
  const running = await runCoordinator(t);
  const agent = await playAgent(running);
  t.teardown(() => agent.leave());
  const tasks = running.client(TaskService);
  const task = { source: '/srv/a', destination: 'file:///srv/b' };
  await tasks.createTask({ task, taskId: 'a' });
  await tasks.runTask({ name: 'tasks/a', scanOnly });
  const ended = async () => {
    let last;
    const request = { name: 'tasks/a', minInterval: { seconds: 0n, nanos: 0 } };
    for await (const { run } of tasks.watchTask(request)) last = run;
    return last!;
  };
  return { running, agent, ended };
}

test('the items of a run are listed by pages and by state', async (t) => {
  const { running, agent, ended } = await startRun(t, false);
  for (let lease = 0; lease < 3; lease += 1) await agent.step();
  const run = await ended();
  t.is(run.progress!.succeededItems, 3n);
  const all = await listPaths(running, ItemState.UNSPECIFIED);
  t.deepEqual(all, [['link', 'folder/bad'], ['folder/good', 'other'], ['folder']]);
  t.deepEqual(await listPaths(running, ItemState.UNSPECIFIED, 5), [all.flat()]);
  t.deepEqual(await listPaths(running, ItemState.FAILED), [['folder/bad']]);
  t.deepEqual(await listPaths(running, ItemState.SKIPPED), [['link']]);
  t.deepEqual(await listPaths(running, ItemState.PENDING), [[]]);
  t.deepEqual(await listPaths(running, ItemState.SUCCEEDED), [
    ['folder/good', 'other'],
    ['folder'],
  ]);
  const items = running.client(ItemService);
  const failed = await items.listItems({ parent: 'tasks/a/runs/1', state: ItemState.FAILED });
  const [item] = failed.items;
  t.is(item!.reason, ErrorReason.SOURCE_ACCESS_DENIED);
  t.is(item!.agent, agent.name);
  t.true(item!.advice.length > 0);
});

test('what waits, and what is only planned, is pending', async (t) => {
  const { running, agent, ended } = await startRun(t, true);
  await agent.step();
  const run = await ended();
  t.is(run.progress!.plannedItems, 4n);
  t.deepEqual((await listPaths(running, ItemState.PENDING)).flat().toSorted(), [
    'folder',
    'folder/bad',
    'folder/good',
    'other',
  ]);
});

test('bad arguments are refused by their field', async (t) => {
  const { running } = await startRun(t, false);
  const items = running.client(ItemService);
  const parent = 'tasks/a/runs/1';
  const refused = async (request: Parameters<typeof items.listItems>[0]) => {
    const { fields, reasons } = await refusalOf(items.listItems(request));
    return [...reasons, ...fields];
  };
  t.deepEqual(await refused({ parent: 'tasks/a' }), ['INVALID_ARGUMENT', 'parent']);
  t.deepEqual(await refused({ parent: 'tasks/a/runs/2' }), ['NOT_FOUND']);
  t.deepEqual(await refused({ parent: 'tasks/b/runs/1' }), ['NOT_FOUND']);
  t.deepEqual(await refused({ parent, pageSize: -1 }), ['INVALID_ARGUMENT', 'page_size']);
  t.deepEqual(await refused({ parent, pageToken: 'x' }), ['INVALID_ARGUMENT', 'page_token']);
  t.deepEqual(await refused({ parent, state: 77 as ItemState }), ['INVALID_ARGUMENT', 'state']);
});
