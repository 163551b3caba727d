import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { AgentAvailability, AgentSchema, AgentState } from '../../gen/drover/v1/agent_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemSchema, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { RunSchema, RunState } from '../../gen/drover/v1/run_pb.ts';
import { displayWidth } from '../../lib/format.ts';
import { leadingColumns } from './special-views.ts';
import { Table } from './table.ts';

const item = (fields: MessageInitShape<typeof ItemSchema>) =>
  create(ItemSchema, {
    kind: ItemKind.FILE,
    state: ItemState.FAILED,
    size: 2048n,
    reason: ErrorReason.DESTINATION_FULL,
    message: 'the destination has no room left for the file, which is sad but true, and long too',
    modifiedTime: timestampFromMs(1_700_000_000_000),
    attempts: 3,
    ...fields,
  });

test('on a terminal the telling columns stay, in the order of the fields, and a row is one line', (t) => {
  const table = new Table(ItemSchema, { columns: undefined, width: 60 });
  const lines = table.lines([item({ path: 'a' }), item({ path: '日本' })]);
  t.deepEqual(lines, [
    'PATH  KIND  STATE      SIZE  REASON            ATTEMPTS',
    'a     file  failed  2.0 KiB  destination full         3',
    '日本  file  failed  2.0 KiB  destination full         3',
  ]);
});

test('a later value that is wider moves its row only; a name is never cut', (t) => {
  const table = new Table(ItemSchema, { columns: undefined, width: 50 });
  table.lines([item({ path: 'a' })]);
  const long = 'b'.repeat(70);
  t.deepEqual(table.lines([item({ path: long })]), [
    `${long}  file  failed  2.0 KiB  destination full`,
  ]);
});

test('without a terminal every column that says something is there', (t) => {
  const table = new Table(ItemSchema, { columns: undefined, width: undefined });
  const [header] = table.lines([item({ path: 'a' })]);
  t.regex(header!, /^PATH  KIND  STATE\s+SIZE  MODIFIED TIME\s+REASON\s+MESSAGE\s+ATTEMPTS$/);
  t.true(displayWidth(header!) > 100);
});

test('columns can be chosen, also within a resource', (t) => {
  const columns = ['name', 'progress.succeeded-items', 'progress.succeeded_bytes'];
  const table = new Table(RunSchema, { columns, width: 20 });
  const rows = [
    create(RunSchema, { name: 'r', progress: { succeededItems: 7n, succeededBytes: 1024n } }),
    create(RunSchema, { name: 's' }),
  ];
  t.deepEqual(table.lines(rows), [
    'NAME  PROGRESS SUCCEEDED ITEMS  PROGRESS SUCCEEDED BYTES',
    'r                            7                   1.0 KiB',
    's',
  ]);
});

test('of runs one sees what became of them, from fields however deep', (t) => {
  const leading = leadingColumns[RunSchema.typeName]!;
  const rows = [
    create(RunSchema, { name: 'tasks/a/runs/2', state: RunState.SUCCEEDED_WITH_FAILURES, progress: { succeededItems: 7n, failedItems: 1234n, skippedItems: 2n } }), // oxfmt-ignore
    create(RunSchema, { name: 'tasks/a/runs/1', state: RunState.SUCCEEDED, progress: { succeededItems: 9n, succeededBytes: 2048n } }), // oxfmt-ignore
  ];
  t.deepEqual(new Table(RunSchema, { columns: undefined, width: 80, leading }).lines(rows), [
    'NAME            STATE                    SUCCEEDED    BYTES  FAILED  SKIPPED',
    'tasks/a/runs/2  succeeded with failures          7      0 B    1234        2',
    'tasks/a/runs/1  succeeded                        9  2.0 KiB       0        0',
  ]);
});

test('of an agent that comes first which a person acts on', (t) => {
  const leading = leadingColumns[AgentSchema.typeName]!;
  const agent = create(AgentSchema, {
    name: 'agents/one',
    displayName: 'One',
    state: AgentState.BUSY,
    platform: 'linux/x64',
    version: '1.2.3',
    slots: 3,
    slotsUsed: 2,
    locationKinds: ['file', 'sharepoint'],
    group: 'berlin',
    sourceRoots: ['/srv/share'],
    availability: AgentAvailability.ENABLED,
    bytesPerSecond: 5_242_880n,
  });
  const [header, row] = new Table(AgentSchema, { columns: undefined, width: 80, leading }).lines([
    agent,
  ]);
  t.is(header, 'NAME        STATE  GROUP   USED  SLOTS  BYTES/S  SOURCE ROOTS  VERSION');
  t.is(row, 'agents/one  busy   berlin     2      3  5.0 MiB  /srv/share    1.2.3');
  const wide = new Table(AgentSchema, { columns: undefined, width: undefined, leading });
  t.regex(wide.lines([agent])[0]!, /VERSION\s+DISPLAY NAME\s+PLATFORM\s+LOCATION KINDS/);
});
