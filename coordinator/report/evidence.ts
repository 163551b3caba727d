// Evidence of a run that has ended: what became of every item, signed. The format is in lib/evidence.ts; memory does not grow with the run.
import { toJson } from '@bufbuild/protobuf';
import { TimestampSchema, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { LedgerRow, RunRow, TaskRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  ItemActionSchema,
  ItemKind,
  ItemKindSchema,
  ItemStateSchema,
  ItemVerificationSchema,
  ItemVerification,
  type Item,
} from '../../gen/drover/v1/item_pb.ts';
import { RunStateSchema } from '../../gen/drover/v1/run_pb.ts';
import { DroverError, reasonName } from '../../lib/error.ts';
import {
  evidenceFormat,
  evidenceVersion,
  signedText,
  type EvidenceEnd,
  type EvidenceHeader,
  type EvidenceItem,
} from '../../lib/evidence.ts';
import { MerkleTree } from '../../lib/merkle-tree.ts';
import { version } from '../../lib/version.ts';
import type { Reader, RunKey } from '../store/store.ts';
import { agentName, runName } from '../task/names.ts';
import type { EvidenceKey } from '../trust/evidence-key.ts';
import { itemRows } from './item-rows.ts';
import { readAhead } from './read-ahead.ts';

/** Lines are sent together until they have so many bytes. */
const chunkBytes = 64 * 1024;

export interface EvidenceParts {
  reader: Reader;
  key: RunKey;
  task: TaskRow;
  /** The run, which has ended. */
  run: RunRow;
  evidenceKey: EvidenceKey;
}

/** The bytes of the file. Throws NOT_FOUND when the run is deleted meanwhile: an incomplete file is never signed. */
export async function* exportEvidence(parts: EvidenceParts): AsyncGenerator<Uint8Array> {
  const { evidenceKey } = parts;
  const header = lineOf(headerOf(parts));
  const tree = new MerkleTree();
  let lines = [header, lineFeed];
  let bytes = header.length;
  for await (const found of itemsOf(parts)) {
    const line = lineOf(evidenceItem(parts.key, found, tree.count + 1));
    tree.add(line);
    lines.push(line, lineFeed);
    bytes += line.length;
    if (bytes < chunkBytes) continue;
    yield Buffer.concat(lines);
    lines = [];
    bytes = 0;
  }
  const root = tree.root();
  const end: EvidenceEnd = {
    items: tree.count,
    merkleRoot: root.toString('hex'),
    signature: evidenceKey.sign(signedText(header, tree.count, root)).toString('base64'),
  };
  yield Buffer.concat([...lines, lineOf(end), lineFeed]);
}

const lineFeed = Buffer.from('\n');

function lineOf(value: EvidenceHeader | EvidenceItem | EvidenceEnd): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function headerOf({ task: { task }, run: { run }, evidenceKey }: EvidenceParts): EvidenceHeader {
  return {
    format: evidenceFormat,
    version: evidenceVersion,
    task: task!.name,
    run: run!.name,
    taskUid: task!.uid,
    source: task!.source,
    destination: task!.destination,
    state: RunStateSchema.value[run!.state]!.localName,
    scanOnly: run!.scanOnly,
    startTime: timeText(run!.startTime),
    endTime: timeText(run!.endTime),
    coordinatorVersion: version,
    publicKey: evidenceKey.publicDer.toString('base64'),
  };
}

/** An item, and what an earlier run migrated of it where this one found it unchanged. */
interface Found {
  item: Item;
  migrated: LedgerRow | undefined;
}

/** Every item once, in the order in which lists show them. */
async function* itemsOf({ reader, key, run }: EvidenceParts): AsyncGenerator<Found> {
  let batches = 0;
  for await (const parts of readAhead(reader, key, () => true))
    for (const part of parts) {
      batches += 1;
      const items = [...itemRows(part, 0)].map(({ item }) => item);
      const migrated = await migratedBefore(reader, key, items);
      for (const [index, item] of items.entries()) yield { item, migrated: migrated[index] };
    }
  if (batches !== run.batches) throw deletedMeanwhile(key);
}

/** What the ledger has of the files that were not touched, unless a later run wrote them since. */
async function migratedBefore(
  reader: Reader,
  key: RunKey,
  items: readonly Item[],
): Promise<(LedgerRow | undefined)[]> {
  const isWanted = ({ kind, reason }: Item) =>
    kind === ItemKind.FILE && reason === ErrorReason.UNCHANGED;
  const paths = items.filter(isWanted).map(({ path }) => path);
  if (paths.length === 0) return [];
  const rows = (await reader.ledgerRows(key.task, paths)).values();
  return items.map((item) => {
    if (!isWanted(item)) return undefined;
    const row = rows.next().value;
    return row !== undefined && row.run <= key.run ? row : undefined;
  });
}

function evidenceItem(key: RunKey, { item, migrated }: Found, number: number): EvidenceItem {
  const isFile = item.kind === ItemKind.FILE;
  const verification = migrated?.verification ?? item.verification;
  return {
    number,
    path: item.path,
    destinationPath: item.destinationPath || migrated?.destinationPath || item.path,
    kind: ItemKindSchema.value[item.kind]!.localName,
    action: ItemActionSchema.value[item.action]!.localName,
    state: ItemStateSchema.value[item.state]!.localName,
    ...(verification === ItemVerification.UNSPECIFIED
      ? {}
      : { verification: ItemVerificationSchema.value[verification]!.localName }),
    ...(item.reason === ErrorReason.UNSPECIFIED ? {} : { reason: reasonName(item.reason) }),
    ...(isFile ? { size: Number(item.size) } : {}),
    ...(item.modifiedTime === undefined ? {} : { modifiedTime: timeText(item.modifiedTime) }),
    ...given({
      sha256: migrated === undefined ? item.sha256 : Buffer.from(migrated.sha256).toString('hex'),
      quickXorHash: migrated === undefined ? item.quickXorHash : Buffer.from(migrated.quickXorHash).toString('base64'), // oxfmt-ignore
      destinationId: migrated?.destinationId ?? item.destinationId,
      movedFrom: item.movedFrom,
      agent: migrated === undefined ? item.agent : agentName(migrated.agent),
      migratedBy: migrated === undefined ? '' : runName({ ...key, run: migrated.run }),
    }),
  };
}

/** What is not empty. */
function given(texts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ''));
}

function timeText(time: Timestamp | undefined): string {
  return time === undefined ? '' : toJson(TimestampSchema, time);
}

function deletedMeanwhile(key: RunKey): DroverError {
  const name = runName(key);
  return new DroverError(
    ErrorReason.NOT_FOUND,
    `the records of ${name} are not complete: its task was deleted while they were read, or the store is damaged (drover-coordinator check)`,
    { metadata: { name } },
  );
}
