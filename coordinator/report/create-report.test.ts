// Reports of runs on a real store, in which everything happens that can become of an item.
import {
  create,
  fromJson,
  fromJsonString,
  toJsonString,
  type JsonObject,
} from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import type { BatchItems } from '../../gen/drover/v1/columns_pb.ts';
import { AgentRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  ItemKind,
  ItemSchema,
  ItemVerification,
  ListItemsRequestSchema,
  type Item,
} from '../../gen/drover/v1/item_pb.ts';
import { ReportFormat, ReportKind } from '../../gen/drover/v1/report_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { openNamedTask, phasesInOrder, type NamedTask } from '../dispatch/testing/named-task.ts';
import type { Entry } from '../dispatch/testing/scripted-agent.ts';
import { comparePaths } from '../plan/path-order.ts';
import { listItems } from '../rpc/item-service.ts';
import { numbersOf } from '../store/testing/random.ts';
import type { BatchKey } from '../store/store.ts';
import { anyResults, fail, fillRun, inOrder, pagesOf } from './testing/random-items.ts';
import { reportRows, reportText } from './testing/report-text.ts';

const second = 1_000_000_000n;
const { FOLDER, SYMBOLIC_LINK } = ItemKind;

function entry(path: string, more: Partial<Entry> = {}): Entry {
  const modifiedNs = 1_700_000_000n * second;
  return more.kind === FOLDER ? { path, ...more } : { path, size: 5n, modifiedNs, ...more };
}

/** Changes the results of the item of a path, where the batch has it. */
function changeItem(items: BatchItems, path: string, change: (index: number) => void): void {
  // oxfmt-ignore
  const index = items.path.indexOf(path);
  if (index >= 0) change(index);
}

/** Two runs: the second has something of everything. */
async function eventfulTask(t: ExecutionContext): Promise<NamedTask> {
  const task = await openNamedTask(t);
  await task.store.commit(
    async (transaction) =>
    transaction.putAgent('one', create(AgentRowSchema, { agent: { name: 'agents/one', displayName: 'HOST, 1' } })), // oxfmt-ignore
  );
  const stays = [
    entry('=cmd(), "x".txt'),
    entry('Ärger', { kind: FOLDER }),
    entry('Ärger/日本 #1%.docx', { size: 7n, createdNs: 1_600_000_000_123_456_789n }),
  ];
  await task.scan([inOrder(...stays, entry('gone.txt'), entry('old.txt', { fileId: 42n }))]);
  await task.migrate();
  const filtered = { reason: ErrorReason.FILTERED, message: 'left out by *.tmp', rule: 'exclude_patterns[0]' }; // oxfmt-ignore
  const link = { reason: ErrorReason.SYMBOLIC_LINK, message: 'a link' };
  const next = inOrder(
    ...stays.map((one) => (one.path.startsWith('=') ? { ...one, modifiedNs: 1_700_000_001n * second } : one)), // oxfmt-ignore
    entry('new.txt', { fileId: 42n }),
    entry('bad:name?.txt'),
    entry('denied.txt'),
    entry('full.txt'),
    entry('kept.txt'),
    entry('link', { kind: SYMBOLIC_LINK, size: 0n, remark: link }),
    entry('x.tmp', { remark: filtered }),
    entry(`${'n'.repeat(300)}.txt`),
  );
  await task.scan([next], { gonePolicy: GonePolicy.RECYCLE });
  await task.migrate((results, _count, items) => {
    changeItem(items, 'denied.txt', (index) => fail(results, index, ErrorReason.SOURCE_ACCESS_DENIED, 'no right,\n"really"')); // oxfmt-ignore
    changeItem(items, 'full.txt', (index) => fail(results, index, ErrorReason.DESTINATION_FULL, 'no room', '=call-1')); // oxfmt-ignore
    changeItem(items, 'kept.txt', (index) => {
      results.keptPath = items.path.map((_, at) => (at === index ? 'kept (2).txt' : ''));
      results.verification = items.path.map(() => ItemVerification.HASH);
      results.destinationId = items.path.map((_, at) => (at === index ? '01ABC' : ''));
    });
  });
  return task;
}

const itemReportHeader = 'Source,Destination,File name,Extension,File size,Content type,Status,Result category,Message,Source item ID,Destination item ID,Package number,Migration job ID,Incremental round,Task ID,Device name,Path,Kind,Action,State,Reason,Advice,Request ID,SHA-256,quickXorHash,Verification,Attempts,Agent,Moved from,Destination path,Renamed because,Modified,Created,Run'; // oxfmt-ignore
const headers: [kind: ReportKind, header: string][] = [
  [ReportKind.SUMMARY, 'Task name,Status,Source,Destination,Total scanned items,Total to be migrated items,Migrated items,Items not migrated,Total bytes,Total GB,Migrated bytes,Migrated GB,Agent,Duration (min),TaskID,Task failure reason,Agent group,Start time,End time,GB/hour,Incremental round,Task,Run,State,Skipped items,Failed items,Failed bytes,Moved items,Gone items,Recycled items,Tags'], // oxfmt-ignore
  [ReportKind.ITEM_REPORT, itemReportHeader],
  [ReportKind.ITEM_FAILURE_REPORT, itemReportHeader.replace('File name', 'Item name').replace('File size', 'Item size').replace('Message,', 'Message,Error code,')], // oxfmt-ignore
  [ReportKind.ITEM_SUMMARY, 'Incremental round,Scanned,Item scan failures,Filtered out items,Expected migrated file count,Read,Packaged,Uploaded,ReUploaded,Submitted,ReSubmitted,Migrated,Failed reading,Failed packing,Failed uploading,Failed submitting,Failed querying,Device name,Task,Run,Unchanged,Moved,Recycled,Pending'], // oxfmt-ignore
  [ReportKind.SCAN_SUMMARY, 'Incremental round,Total scanned items,Total scanned folders,Total scanned list items,Total scanned files,Folders with issues,Items with issues,Items filtered out,Folders to be migrated,Items to be migrated,Total items to be migrated,Device name,Task,Run,Total bytes,Bytes to be migrated'], // oxfmt-ignore
  [ReportKind.URL_MAP, 'Old path,New URL,Kind,Path,Destination path,Run'],
  [ReportKind.PLAN, 'Source,Path,Kind,Action,Reason,Message,Destination,Destination path,Renamed because,Moved from,Size,Modified,Advice,Run'], // oxfmt-ignore
];

test('the titles are those of Migration Manager, in its order, and ours after them', async (t) => {
  const task = await eventfulTask(t);
  for (const [kind, header] of headers) {
    const text = await reportText(task, kind);
    t.is(text.slice(0, text.indexOf('\r\n')), `\uFEFF${header}`);
  }
});

const archive = 'https://contoso.sharepoint.com/sites/hr/Shared%20Documents/Archive';
const hash = '01'.repeat(32);
const quickXorHash = 'AgICAgICAgICAgICAgICAgICAgI=';

test('lines are those of RFC 4180, nothing in them is a formula, and what is not known is empty', async (t) => {
  const task = await eventfulTask(t);
  const lines = (await reportText(task, ReportKind.ITEM_REPORT)).split('\r\n');
  const lineOf = (start: string) => lines.find((line) => line.startsWith(start));
  t.is(lineOf('"/from/=cmd'), `"/from/=cmd(), ""x"".txt",${archive}/%3Dcmd()%2C%20_x_.txt,"'=cmd(), ""x"".txt",txt,5,File,Migrated,UPDATE,,,,,,R1,,"HOST, 1","'=cmd(), ""x"".txt",FILE,UPDATE,SUCCEEDED,,,,${hash},${quickXorHash},HASH,1,agents/one,,"'=cmd(), _x_.txt","the name has """""" at place 9, which SharePoint takes in no name",2023-11-14T22:13:21Z,,tasks/a/runs/2`); // oxfmt-ignore
  t.is(lineOf('/from/Ärger/'), `/from/Ärger/日本 #1%.docx,${archive}/%C3%84rger/%E6%97%A5%E6%9C%AC%20%231%25.docx,日本 #1%.docx,docx,7,File,Skipped,UNCHANGED,,,,,,R1,,,Ärger/日本 #1%.docx,FILE,SKIP,SKIPPED,UNCHANGED,Nothing: the destination has it already.,,,,,,,,,,2023-11-14T22:13:20Z,2020-09-13T12:26:40.123456789Z,tasks/a/runs/2`); // oxfmt-ignore
  t.is(lineOf('/from/new.txt'), `/from/new.txt,${archive}/new.txt,new.txt,txt,5,File,Migrated,MOVE,,42,,,,R1,,"HOST, 1",new.txt,FILE,MOVE,SUCCEEDED,,,,${hash},${quickXorHash},HASH,1,agents/one,old.txt,,,2023-11-14T22:13:20Z,,tasks/a/runs/2`); // oxfmt-ignore
  t.is(lines.at(-1), '');
});

test('every kind of outcome has its row', async (t) => {
  const task = await eventfulTask(t);
  const titles = ['Path', 'Content type', 'Status', 'Result category', 'Destination path'];
  const rows = await reportRows(task, ReportKind.ITEM_REPORT, titles);
  t.deepEqual(
    rows.map((row) => Object.values(row)).toSorted(([one], [other]) => comparePaths(one!, other!)),
    [
      [`'=cmd(), "x".txt`, 'File', 'Migrated', 'UPDATE', `'=cmd(), _x_.txt`],
      ['bad:name?.txt', 'File', 'Migrated', 'CREATE', 'bad_name_.txt'],
      ['denied.txt', 'File', 'Failed', 'SOURCE_ACCESS_DENIED', ''],
      ['full.txt', 'File', 'Failed', 'DESTINATION_FULL', ''],
      ['gone.txt', 'File', 'Recycled', 'RECYCLE', ''],
      ['kept.txt', 'File', 'Migrated', 'CREATE', 'kept (2).txt'],
      ['link', 'Symbolic link', 'Skipped', 'SYMBOLIC_LINK', ''],
      ['new.txt', 'File', 'Migrated', 'MOVE', ''],
      [`${'n'.repeat(300)}.txt`, 'File', 'Failed', 'PATH_TOO_LONG', ''],
      ['x.tmp', 'File', 'Skipped', 'FILTERED', ''],
      ['Ärger', 'Folder', 'Migrated', 'UPDATE', ''],
      ['Ärger/日本 #1%.docx', 'File', 'Skipped', 'UNCHANGED', ''],
    ],
  );
});

test('the failure report has what failed and nothing else', async (t) => {
  const task = await eventfulTask(t);
  const titles = ['Item name', 'Error code', 'Message', 'Attempts', 'Request ID', 'SHA-256'];
  t.deepEqual((await reportRows(task, ReportKind.ITEM_FAILURE_REPORT, titles)).map((row) => Object.values(row)), [
    [`${'n'.repeat(300)}.txt`, 'PATH_TOO_LONG', 'the name has 304 characters at the destination, and SharePoint takes 255', '', '', ''],
    ['denied.txt', 'SOURCE_ACCESS_DENIED', 'no right,\n"really"', '3', '', ''],
    ['full.txt', 'DESTINATION_FULL', 'no room', '3', "'=call-1", ''],
  ]); // oxfmt-ignore
});

test('the map of addresses has what is at the destination, with everything escaped', async (t) => {
  const task = await eventfulTask(t);
  const rows = await reportRows(task, ReportKind.URL_MAP, ['Old path', 'New URL']);
  t.deepEqual(
    rows.map((row) => Object.values(row)),
    [
      ['/from/Ärger/日本 #1%.docx', `${archive}/%C3%84rger/%E6%97%A5%E6%9C%AC%20%231%25.docx`],
      ['/from/=cmd(), "x".txt', `${archive}/%3Dcmd()%2C%20_x_.txt`],
      ['/from/bad:name?.txt', `${archive}/bad_name_.txt`],
      ['/from/kept.txt', `${archive}/kept%20(2).txt`],
      ['/from/new.txt', `${archive}/new.txt`],
      ['/from/Ärger', `${archive}/%C3%84rger`],
    ],
  );
});

test('the plan says what was planned, and not what came of it', async (t) => {
  const task = await eventfulTask(t);
  const titles = ['Path', 'Action', 'Reason', 'Destination path', 'Renamed because', 'Moved from'];
  const rows = await reportRows(task, ReportKind.PLAN, titles);
  const byPath = new Map(rows.map(({ Path: path, ...row }) => [path, Object.values(row)]));
  t.is(byPath.size, 12);
  t.deepEqual(byPath.get('full.txt'), ['CREATE', '', '', '', '']);
  t.deepEqual(byPath.get('kept.txt'), ['CREATE', '', '', '', '']);
  t.deepEqual(byPath.get('bad:name?.txt'), [
    'CREATE',
    '',
    'bad_name_.txt',
    'the name has ":" at place 4, which SharePoint takes in no name',
    '',
  ]);
  t.deepEqual(byPath.get('new.txt'), ['MOVE', '', '', '', 'old.txt']);
  t.deepEqual(byPath.get('x.tmp'), ['SKIP', 'FILTERED', '', '', '']);
  t.deepEqual(byPath.get('gone.txt'), ['RECYCLE', '', '', '', '']);
});

test('the summaries count the same items', async (t) => {
  const task = await eventfulTask(t);
  const only = async (kind: ReportKind) => (await reportRows(task, kind))[0]!;
  t.like(await only(ReportKind.SUMMARY), {
    'Task name': 'tasks/a',
    Status: 'Succeeded with failures',
    'Total scanned items': '11',
    'Total to be migrated items': '7',
    'Migrated items': '5',
    'Items not migrated': '3',
    'Total bytes': '47',
    Agent: 'HOST, 1',
    'Incremental round': 'R1',
    'Skipped items': '3',
    'Moved items': '1',
    'Recycled items': '1',
  });
  t.like(await only(ReportKind.ITEM_SUMMARY), {
    Scanned: '10',
    'Item scan failures': '1',
    'Filtered out items': '2',
    'Expected migrated file count': '6',
    Read: '',
    Uploaded: '3',
    Migrated: '4',
    'Failed reading': '1',
    'Failed uploading': '1',
    Unchanged: '1',
    Moved: '1',
    Recycled: '1',
    Pending: '0',
  });
  t.like(await only(ReportKind.SCAN_SUMMARY), {
    'Total scanned items': '11',
    'Total scanned folders': '1',
    'Total scanned files': '10',
    'Items with issues': '1',
    'Items filtered out': '2',
    'Folders to be migrated': '1',
    'Items to be migrated': '6',
    'Total items to be migrated': '7',
  });
});

test('a task that was never run has a row in the summary, and in no other report', async (t) => {
  const task = await openNamedTask(t);
  await task.create();
  const rows = await reportRows(task, ReportKind.SUMMARY, ['Status', 'Total scanned items', 'Run']);
  t.deepEqual(rows, [{ Status: 'Ready', 'Total scanned items': '0', Run: '' }]);
  for (const [kind] of headers.slice(1)) t.deepEqual(await reportRows(task, kind), []);
});

/** All items of a run as the API lists them, each as JSON. */
async function listed(task: NamedTask): Promise<string[]> {
  const items: Item[] = [];
  for (let pageToken = ''; ;) {
    const request = create(ListItemsRequestSchema, { parent: `tasks/a/runs/${task.key.run}`, pageSize: 1000, pageToken }); // oxfmt-ignore
    const page = await listItems(task.store, request);
    items.push(...page.items);
    if (page.nextPageToken === '') return items.map((item) => toJsonString(ItemSchema, item));
    pageToken = page.nextPageToken;
  }
}

/** The items of a report in JSON Lines, without what the report says besides, each as the API would write it. */
async function reported(task: NamedTask): Promise<string[]> {
  const text = await reportText(task, ReportKind.ITEM_REPORT, ReportFormat.JSONL);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      // oxfmt-ignore
      const item = JSON.parse(line) as JsonObject;
      for (const name of ['source', 'destination', 'fileId', 'run']) delete item[name];
      return toJsonString(ItemSchema, fromJson(ItemSchema, item));
    });
}

/** The first place at which the two are not the same; undefined when there is none. */
function difference(found: readonly string[], wanted: readonly string[]): string[] | undefined {
  const length = Math.max(found.length, wanted.length);
  for (let at = 0; at < length; at += 1)
    if (found[at] !== wanted[at]) return [found[at] ?? 'nothing', wanted[at] ?? 'nothing'];
  return undefined;
}

for (const seed of [1, 2])
  test(`a report has the items that are listed, in their order (seed ${seed})`, async (t) => {
    const below = numbersOf(seed);
    const task = await openNamedTask(t, seed === 1 ? undefined : 'file:///to');
    const pages = pagesOf(below, 8, 30);
    await task.scan(pages);
    await task.cutSome(below);
    await task.migrate(anyResults(below));
    t.is(difference(await reported(task), await listed(task)), undefined);
    // Some of it is gone, some was moved, some is done, and some is cut and waits.
    const left = pages.flat().filter(() => below(5) > 0);
    const next = left.map((one) => (one.fileId && below(20) === 0 ? { ...one, path: `${one.path} moved` } : one)); // oxfmt-ignore
    await task.scan([inOrder(...next.slice(0, 2000)), inOrder(...next.slice(2000))].map((page) => page.slice(0, 2000)), { gonePolicy: GonePolicy.RECYCLE }); // oxfmt-ignore
    for (let count = 0; count < 5; count += 1) await task.cutSome(below);
    for (let count = 0; count < 2; count += 1) await task.migrateNext(phasesInOrder[0]!, anyResults(below)); // oxfmt-ignore
    const found = await reported(task);
    t.is(difference(found, await listed(task)), undefined);
    const items = found.map((item) => fromJsonString(ItemSchema, item));
    t.true((await task.store.batches(task.key, 0, 1000)).some(({ row }) => row.partOf !== 0));
    const csv = await reportRows(task, ReportKind.ITEM_REPORT, ['Path']);
    t.is(
      csv.map(({ Path: path }) => path!.replace(/^'(?=[=+\-@\t\r\n])/, '')).join('\n'),
      items.map(({ path }) => path).join('\n'),
    );
  });

test('a report of 10,000 items has them all, as they are listed', async (t) => {
  const below = numbersOf(3);
  const task = await openNamedTask(t, 'file:///to');
  await fillRun(task, below, 5);
  const found = await reported(task);
  t.is(found.length, 10_000);
  t.is(difference(found, await listed(task)), undefined);
});

test('a report of a task that is deleted meanwhile ends with an error', async (t) => {
  const task = await openNamedTask(t);
  await task.scan([[entry('a.txt')]]);
  const store = new Proxy(task.store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (name !== 'batchItems') return typeof member === 'function' ? (member.bind(target) as unknown) : member; // oxfmt-ignore
      return async (key: BatchKey) => {
        const items = await target.batchItems(key);
        await target.commit(async (transaction) => transaction.deleteTask('a', undefined));
        return items;
      };
    },
  });
  const error = await t.throwsAsync(reportText({ store, key: task.key }, ReportKind.ITEM_REPORT));
  t.like(error, { reason: ErrorReason.NOT_FOUND, message: 'tasks/a/runs/1 was deleted while its report was read' }); // oxfmt-ignore
});
