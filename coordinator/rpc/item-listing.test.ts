// Lists of items, page by page, while the batches of the run are cut and done: on a real store.
import { create } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { ItemKind, ItemState, ListItemsRequestSchema } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { openNamedTask, phasesInOrder, type NamedTask } from '../dispatch/testing/named-task.ts';
import type { Entry } from '../dispatch/testing/scripted-agent.ts';
import { comparePaths } from '../plan/path-order.ts';
import { numbersOf, type Below } from '../store/testing/random.ts';
import type { Reader } from '../store/store.ts';
import { listItems } from './item-service.ts';

const seeds = [1, 2, 3];
const gonePolicy = GonePolicy.RECYCLE;

/** Folders with files, in pages that are cut by chance. */
function pagesOf(below: Below, folders: number): Entry[][] {
  const entries = Array.from({ length: folders }, (_, at): Entry[] => {
    const path = `d${String(at).padStart(3, '0')}`;
    const files = Array.from({ length: below(9) }, (_file, number): Entry => ({ path: `${path}/f${number}`, size: 1n })); // oxfmt-ignore
    return [{ path, kind: ItemKind.FOLDER }, ...files];
  }).flat();
  const pages: Entry[][] = [];
  while (entries.length > 0) pages.push(entries.splice(0, below(25) + 1));
  return pages;
}

/** All paths, in the order of the list; `between` is called between two pages. */
async function list(
  task: NamedTask,
  reader: Reader,
  pageSize: number,
  between: () => Promise<void>,
  state: ItemState = ItemState.UNSPECIFIED,
) {
  // oxfmt-ignore
  const parent = `tasks/a/runs/${task.key.run}`;
  const paths: string[] = [];
  for (let pageToken = ''; ;) {
    const request = create(ListItemsRequestSchema, { parent, pageSize, pageToken, state });
    const page = await listItems(reader, request);
    paths.push(...page.items.map(({ path }) => path));
    if (page.nextPageToken === '') return paths;
    pageToken = page.nextPageToken;
    await between();
  }
}

/** At times cuts batches, and does some of what can be done by now. */
async function goOn(task: NamedTask, below: Below): Promise<void> {
  if (below(3) > 0) return;
  await task.cutSome(below);
  for (const phase of phasesInOrder) {
    for (let count = below(2); count > 0; count -= 1) await task.migrateNext(phase);
    if ((await task.store.pendingBatches(task.key, phase, 0, 1)).length > 0) return;
  }
}

async function twoRuns(t: ExecutionContext, below: Below): Promise<NamedTask> {
  const task = await openNamedTask(t, 'file:///to');
  await task.scan(pagesOf(below, 8));
  await task.migrate();
  // Some of it is gone, and some is new.
  const left = pagesOf(below, 12).filter((_page, index) => index % 3 !== 1);
  await task.scan(left, { gonePolicy });
  return task;
}

for (const seed of seeds)
  test(`a list that is read page by page while the run goes on has every item once (seed ${seed})`, async (t) => {
    const below = numbersOf(seed);
    const task = await twoRuns(t, below);
    const wanted = (await task.items()).map(({ path }) => path);
    const listed = await list(task, task.store, below(7) + 1, () => goOn(task, below));
    t.deepEqual(listed.toSorted(comparePaths), wanted.toSorted(comparePaths));
    t.true((await task.store.batches(task.key, 0, 10_000)).some(({ row }) => row.partOf !== 0));
  });

test('so has a list of what is pending, where nothing is done meanwhile', async (t) => {
  const below = numbersOf(9);
  const task = await twoRuns(t, below);
  const pending = (await task.items()).filter(({ state }) => state === ItemState.PENDING).map(({ path }) => path); // oxfmt-ignore
  const listed = await list(task, task.store, 30, () => task.cutSome(below), ItemState.PENDING);
  t.deepEqual(listed.toSorted(comparePaths), pending.toSorted(comparePaths));
});

test('a batch that is cut while it is read is read once more', async (t) => {
  const task = await openNamedTask(t, 'file:///to');
  await task.scan([[{ path: 'a' }, { path: 'b' }, { path: 'c' }, { path: 'd' }]]);
  let cuts = 0;
  // Each read of items comes after a cut that the row before it does not know of.
  const reader = new Proxy(task.store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (name !== 'batchItems') return typeof member === 'function' ? (member.bind(target) as unknown) : member; // oxfmt-ignore
      return async (key: Parameters<Reader['batchItems']>[0]) => {
        if (cuts++ < 2) await task.cutSome(numbersOf(cuts + 3));
        return await target.batchItems(key);
      };
    },
  });
  t.deepEqual(await list(task, reader, 100, () => Promise.resolve()), ['a', 'b', 'c', 'd']);
  const parts = await task.store.pendingBatches(task.key, BatchPhase.TRANSFER, 0, 10);
  t.true(parts.length > 1);
});
