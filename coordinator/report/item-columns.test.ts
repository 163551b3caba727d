// Reports of items against lines that are made in the plainest way, of the items as lists show them.
import { create, toJson } from '@bufbuild/protobuf';
import { TimestampSchema, type Timestamp } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  ItemRemarkSchema,
  MoveOriginSchema,
} from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason, ErrorReasonSchema } from '../../gen/drover/v1/error_pb.ts';
import {
  ItemAction,
  ItemActionSchema,
  ItemKind,
  ItemKindSchema,
  ItemState,
  ItemStateSchema,
  ItemVerification,
  ItemVerificationSchema,
} from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { numbersOf, type Below } from '../store/testing/random.ts';
import { itemReport } from './item-columns.ts';
import { itemRange } from './item-cursor.ts';
import { destinationPlace, destinationUrl, sourcePlace } from './item-places.ts';
import { itemRows, type ItemBatch, type ItemRow } from './item-rows.ts';
import { csvWriter, jsonWriter } from './report-column.ts';

const run = 'tasks/a/runs/1';
const names = ['a', 'B c', '=1+1', '-x', '"q"', 'x,y', 'new\nline', '\r', 'tab\t', '\tx', 'Ä', '日本', '＝1', '\u{1f600}', '\ud800', '\u0001', '.hidden', 'n.tar.gz', 'end.', '\\', '']; // oxfmt-ignore
const messages = ['', 'no right', 'no right,\n"really"', '=1', 'schön'];
const times = [0n, 1n, -1n, 1_700_000_000_000_000_000n, 1_700_000_000_123_000_000n, 1_700_000_000_123_456_000n, 1_700_000_061_000_000_001n, 2n ** 63n - 1n]; // oxfmt-ignore
const sizes = [0n, 7n, 2n ** 31n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 64n - 1n];

type ReportBatch = ItemBatch & { device: string };

/** A batch of whatever can stand in one; neighbours often have the same outcome. */
function anyBatch(below: Below, count: number, device: string): ReportBatch {
  const any = <T>(values: readonly T[]): T => values[below(values.length)]!;
  const of = <T>(value: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => value(index)); // oxfmt-ignore
  const folder = () => (below(4) === 0 ? '' : `${any(names)}/${below(3) === 0 ? `${any(names)}/` : ''}`); // oxfmt-ignore
  let [above, last] = [folder(), below(3) as 0 | 1 | 2];
  const path = of((index) => {
    if (below(5) === 0) above = folder();
    return `${above}${any(names)}${index}${any(names)}`;
  });
  const states = [ItemState.SUCCEEDED, ItemState.FAILED, ItemState.SKIPPED] as const;
  const state = of(() => states[below(6) === 0 ? (last = below(3) as 0 | 1 | 2) : last]);
  const isTold = of(() => below(4) === 0);
  const items = create(BatchItemsSchema, {
    path,
    kind: of(() => (below(5) === 0 ? ItemKind.FOLDER : ItemKind.FILE)),
    action: of(() => any([ItemAction.CREATE, ItemAction.CREATE, ItemAction.CREATE, ItemAction.MOVE, ItemAction.RECYCLE, 77 as ItemAction])), // oxfmt-ignore
    size: of(() => any(sizes)),
    modifiedNs: of(() => any(times)),
    createdNs: of(() => any(times)),
    fileId: of(() => any(sizes)),
    destinationPath: below(2) === 0 ? [] : path.map((one) => (below(3) === 0 ? `${one}_` : one)),
    origin: path.flatMap((one, index) => (below(5) === 0 ? [create(MoveOriginSchema, { index, path: `old ${one}`, sha256: Buffer.alloc(32, index), quickXorHash: Buffer.alloc(20, index) })] : [])), // oxfmt-ignore
  });
  const results = create(BatchResultsSchema, {
    state,
    size: of(() => any(sizes)),
    modifiedNs: of(() => any(times)),
    destinationModifiedNs: of(() => 0n),
    sha256: Buffer.alloc(32 * count).map(() => below(256)),
    quickXorHash: Buffer.alloc(20 * count, 1).map(() => below(256)),
    attempts: of(() => (below(6) === 0 ? below(4) : 1)),
    destinationId: below(2) === 0 ? [] : of(() => any(['', '01"A', '01ABC'])),
    verification: below(2) === 0 ? [] : of(() => (below(6) === 0 ? below(4) : 1) as ItemVerification), // oxfmt-ignore
    keptPath: below(2) === 0 ? [] : of((index) => (below(6) === 0 ? `kept ${index}` : '')),
    remark: isTold.flatMap((is, index) => (is ? [create(ItemRemarkSchema, { index, reason: any([ErrorReason.SOURCE_CHANGED, ErrorReason.UNCHANGED]), message: any(messages), requestId: any(['', 'call-1']) })] : [])), // oxfmt-ignore
    moved: items.origin.filter(() => below(2) === 0).map(({ index }) => index),
  });
  return { phase: BatchPhase.FOLDERS, items, results: below(8) === 0 ? undefined : results, agent: 'one', device }; // oxfmt-ignore
}

/** The column of the quickXorHash, which is ours and stands as it is, also where it begins with a plus sign. */
const hashColumn = 24;

function plainCell(text: string, column: number): string {
  if (column === hashColumn) return text;
  const defused = /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(defused) ? `"${defused.split('"').join('""')}"` : defused;
}

const timeOf = (time: Timestamp | undefined) => (time === undefined ? '' : toJson(TimestampSchema, time)); // oxfmt-ignore

/** The texts of the item report, in the order of its columns. */
function textsOf({ index, item }: ItemRow, { items, results, device }: ReportBatch): string[] {
  const name = item.path.slice(item.path.lastIndexOf('/') + 1);
  const dot = item.kind === ItemKind.FOLDER ? -1 : name.lastIndexOf('.');
  const reason = item.reason === 0 ? '' : ErrorReasonSchema.value[item.reason]!.localName;
  const action = ItemActionSchema.value[item.action]?.localName ?? String(item.action);
  const isDone = item.state === ItemState.SUCCEEDED;
  const status = isDone && item.action === ItemAction.RECYCLE ? 'Recycled' : ['', 'Pending', 'Migrated', 'Skipped', 'Failed'][item.state]!; // oxfmt-ignore
  const category = reason || (isDone ? (ItemActionSchema.value[item.action]?.localName ?? '') : '');
  const verification = item.verification === 0 ? '' : (ItemVerificationSchema.value[item.verification]?.localName ?? String(item.verification)); // oxfmt-ignore
  return [
    `/from/${item.path}`, `/to/${item.destinationPath || item.path}`, name, dot > 0 ? name.slice(dot + 1) : '', String(item.size),
    item.kind === ItemKind.FOLDER ? 'Folder' : 'File', status, category, item.message,
    items.fileId[index] === 0n ? '' : String(items.fileId[index]), item.destinationId, '', '', 'R0', 'uid', results === undefined ? '' : device,
    item.path, ItemKindSchema.value[item.kind]!.localName, action, ItemStateSchema.value[item.state]!.localName, reason, item.advice, item.requestId,
    item.sha256, item.quickXorHash, verification, item.attempts === 0 ? '' : String(item.attempts), item.agent, item.movedFrom, item.destinationPath,
    item.renamedBecause, timeOf(item.modifiedTime), timeOf(item.createdTime), run,
  ]; // oxfmt-ignore
}

function factsOf() {
  const source = sourcePlace('/from');
  const [destination, url] = [destinationPlace('file:///to'), destinationUrl('file:///to')];
  return { run, taskUid: 'uid', round: 'R0', source, destination, url };
}

for (const seed of [1, 2, 3])
  test(`lines are those that are made in the plainest way (seed ${seed})`, (t) => {
    const below = numbersOf(seed);
    const { line } = csvWriter(itemReport.columns);
    const json = jsonWriter(itemReport.columns);
    for (let count = 0; count < 40; count += 1) {
      const batch = anyBatch(below, 1 + below(40), `HOST, ${count % 2}`);
      const { seek } = itemRange(factsOf(), [batch]);
      for (const row of itemRows(batch, 0)) {
        const found = seek(row.index)!;
        const texts = textsOf(row, batch);
        t.is(line(found), `${texts.map(plainCell).join(',')}\r\n`);
        const said = JSON.parse(json.line(found)) as Record<string, unknown>;
        t.is(said['path'], row.item.path);
        t.is(said['source'], texts[0]);
        t.is(said['message'] ?? '', row.item.message);
        t.is(said['attempts'] ?? 0, row.item.attempts);
        t.is(said['sha256'] ?? '', row.item.sha256);
      }
    }
  });
