// Leases are given and taken back here, in the store: one commit for all that is given in a round.
import { create } from '@bufbuild/protobuf';
import { BatchRowSchema, type BatchRow, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { LeaseState } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import {
  BatchLeaseSchema,
  BatchPhase,
  LeaseKeySchema,
  ScanLeaseSchema,
  ScanPathsSchema,
  type AttachResponse,
} from '../../gen/drover/v1/session_pb.ts';
import { decodeBatchItems } from '../plan/decode-columns.ts';
import { encodeBatchItems } from '../plan/encode-columns.ts';
import type { BatchKey, RunKey, Store, Transaction } from '../store/store.ts';
import { isTransfer } from '../task/batch-phase.ts';
import { stepLease } from '../task/lease-machine.ts';
import { batchLeaseId, scanLeaseId, type LeaseTarget } from '../task/names.ts';
import { isRunGoing, isRunOpen } from '../task/run-states.ts';
import { stepRun } from '../task/run-machine.ts';
import { cutBatch } from './cut-batch.ts';
import { noteUnreported, withUnreported } from './unreported.ts';
import { lastForm } from './last-form.ts';
import { nextFailedPaths } from './failed-paths.ts';
import { cutAt, isCut } from './lease-share.ts';
import type { LiveLease } from './lease-table.ts';
import { canServe } from './reach.ts';
import type { BatchWork, RunFeed, Work } from './run-feed.ts';
import type { Session } from './session.ts';
import type { WorkSize } from './work-size.ts';

/** How many pages of a scan may be on their way without having been acknowledged. */
export const pageWindow = 8;

/** A piece of work and who is to get it. */
export interface Pick {
  session: Session;
  feed: RunFeed;
  work: Work;
  /** How much of a batch it is to be at most; undefined: all of it. */
  shareUnits: number | undefined;
}

/** A lease that was given: what it is, and the frame that tells the agent. */
export interface Grant extends Pick {
  id: string;
  target: LeaseTarget;
  generation: number;
  size: WorkSize;
  frame: AttachResponse['frame'];
  /** What was cut off the batch and can be leased. */
  rest: BatchWork | undefined;
}

/** What became of the picks of a round. One that is in neither list is no longer there to be leased. */
export interface Round {
  grants: Grant[];
  /** Picks of runs that were paused or ended a moment ago: their work is wanted again when the run is resumed. */
  stopped: Pick[];
  /** Picks for agents that cannot serve the run any more, as its task was updated: their work is wanted by others. */
  misfits: Pick[];
  /** The runs as they are with these leases. */
  rows: Map<RunFeed, RunRow>;
}

/** Gives all leases of a round in one commit. */
export function commitLeases(store: Store, picks: readonly Pick[], nowMs: number): Promise<Round> {
  return store.commit(async (transaction) => {
    const round: Round = { grants: [], stopped: [], misfits: [], rows: new Map() };
    const before = await readRuns(transaction, picks);
    for (const pick of picks) {
      const { feed, session } = pick;
      const row = round.rows.get(feed) ?? before.get(feed);
      // What is gone from the source may turn out to be moved, and then a run can end as its last batch is looked at.
      if (row === undefined || !isRunGoing(row.run!.state)) round.stopped.push(pick);
      else if (!canServe(session.ability, feed.need)) round.misfits.push(pick);
      else {
        const granted = await grantOne(transaction, pick, row, nowMs);
        if (granted === undefined) continue;
        if (granted.grant !== undefined) round.grants.push(granted.grant);
        round.rows.set(feed, granted.row);
      }
    }
    for (const [feed, row] of round.rows) transaction.putRun(feed.key, row);
    return round;
  });
}

/** The runs of the picks that are going. The rows of this commit count, not the feeds', which may be older. */
async function readRuns(transaction: Transaction, picks: readonly Pick[]) {
  const rows = new Map<RunFeed, RunRow>();
  for (const feed of new Set(picks.map((pick) => pick.feed))) {
    const [task, row] = await Promise.all([transaction.task(feed.key.task), transaction.run(feed.key)]); // oxfmt-ignore
    if (task === undefined || row === undefined || !isRunGoing(row.run!.state)) continue;
    feed.takeTask(task.task!);
    rows.set(feed, row);
  }
  return rows;
}

interface Granted {
  /** Undefined when nothing is left to do in the batch. */
  grant: Grant | undefined;
  row: RunRow;
}

async function grantOne(
  transaction: Transaction,
  pick: Pick,
  before: RunRow,
  nowMs: number,
): Promise<Granted | undefined> {
  const isBegun = before.run!.state === RunState.RUNNING && before.run!.startTime !== undefined;
  const begun = isBegun ? before : stepRun(before, { kind: 'begin' }, nowMs);
  return pick.work.kind === 'scan'
    ? await grantScan(transaction, pick, begun, nowMs)
    : await grantBatch(transaction, { ...pick, work: pick.work }, begun, nowMs);
}

async function grantBatch(
  transaction: Transaction,
  pick: Pick & { work: BatchWork },
  begun: RunRow,
  nowMs: number,
): Promise<Granted | undefined> {
  const pickedKey = { ...pick.feed.key, batch: pick.work.batch };
  const [stored, storedItems] = await Promise.all([
    transaction.batch(pickedKey),
    transaction.batchItems(pickedKey),
  ]);
  if (stored?.lease!.state !== LeaseState.PENDING || storedItems === undefined) return undefined;
  const whole = { batch: stored, items: storedItems, run: begun };
  const taken = await lastForm(transaction, pickedKey, whole, nowMs);
  if (taken.batch === undefined) return { grant: undefined, row: taken.run };
  const batchKey = taken.key;
  const cut = cutToShare(transaction, batchKey, { run: taken.run, batch: taken.batch }, taken.items, pick.shareUnits, nowMs); // oxfmt-ignore
  const { run: row, batch, rest } = cut;
  const lease = stepLease(batch.lease!, { kind: 'lease', agent: pick.session.agent });
  transaction.putBatch(batchKey, create(BatchRowSchema, { ...batch, lease }));
  const id = batchLeaseId(batchKey);
  const { generation } = lease;
  // Somebody had it before, whole or as a part of another one, and may have noted what it wrote.
  const hadHolder = stored.lease.generation > 0;
  const encodedItems = hadHolder ? await withNotes(transaction, batchKey, cut.encodedItems) : cut.encodedItems; // oxfmt-ignore
  const value = create(BatchLeaseSchema, {
    key: create(LeaseKeySchema, { lease: id, generation }),
    source: pick.feed.source,
    destination: pick.feed.destination,
    settings: row.run!.settings!,
    phase: isTransfer(batch.phase) ? BatchPhase.TRANSFER : batch.phase,
    items: encodedItems,
    destinationHoldsItems: await pick.feed.destinationHoldsItems(),
  });
  const target: LeaseTarget = { kind: 'batch', batch: batchKey };
  const size = { items: batch.items, bytes: batch.bytes };
  const frame = { case: 'batchLease' as const, value };
  const work: BatchWork = { kind: 'batch', batch: batchKey.batch, size };
  return { grant: { ...pick, work, id, target, generation, size, frame, rest }, row };
}

/** The items with what was noted of them since they were planned. */
async function withNotes(
  transaction: Transaction,
  { task }: BatchKey,
  encodedItems: Uint8Array,
): Promise<Uint8Array> {
  if ((await transaction.task(task))?.hasUnreportedItems !== true) return encodedItems;
  const items = decodeBatchItems(encodedItems);
  return encodeBatchItems(await withUnreported(transaction, task, items));
}

/** The batch as it is to be leased: cut, when it is much more than its share. */
function cutToShare(
  transaction: Transaction,
  key: BatchKey,
  { run, batch }: { run: RunRow; batch: BatchRow },
  encodedItems: Uint8Array,
  shareUnits: number | undefined,
  nowMs: number,
) {
  const whole = { run, batch, encodedItems, rest: undefined };
  if (shareUnits === undefined || !isCut(batch, shareUnits)) return whole;
  const items = decodeBatchItems(encodedItems);
  const count = cutAt(items, shareUnits);
  // Folders that are gone are recycled from the deepest up, one after the other.
  const isOrdered = batch.phase === BatchPhase.GONE && items.kind.includes(ItemKind.FOLDER);
  if (count === items.path.length || isOrdered) return whole;
  const kept = new Set(Array.from({ length: count }, (_, index) => index));
  return cutBatch(transaction, key, { run, batch, items }, kept, nowMs);
}

async function grantScan(
  transaction: Transaction,
  pick: Pick,
  begun: RunRow,
  nowMs: number,
): Promise<Granted | undefined> {
  const { key } = pick.feed;
  if (begun.scan!.lease!.state !== LeaseState.PENDING) return undefined;
  const piece = await nextPiece(transaction, key, begun);
  const { agent } = pick.session;
  const row = stepRun(begun, { kind: 'lease-scan', agent, until: piece?.end }, nowMs);
  const id = scanLeaseId(key);
  const { generation } = row.scan!.lease!;
  const value = create(ScanLeaseSchema, {
    key: create(LeaseKeySchema, { lease: id, generation }),
    source: pick.feed.source,
    destination: pick.feed.destination,
    settings: row.run!.settings!,
    nextPage: row.scan!.lastPage + 1n,
    afterPath: row.scan!.lastPath,
    pageWindow,
    destinationHoldsItems: await pick.feed.destinationHoldsItems(),
    ...(piece === undefined ? {} : { only: piece.only }),
  });
  const target: LeaseTarget = { kind: 'scan', run: key };
  const frame = { case: 'scanLease' as const, value };
  const size = { items: 0, bytes: 0n };
  return { grant: { ...pick, id, target, generation, size, frame, rest: undefined }, row };
}

/** What the scan of a run that tries again is to look at next; undefined in every other run. */
async function nextPiece(transaction: Transaction, { task }: RunKey, { scan }: RunRow) {
  const { retry, lastPath } = scan!;
  if (retry === undefined) return undefined;
  const retried = { task, run: retry.run };
  const { paths, end } = await nextFailedPaths(transaction, retried, retry.position!, lastPath);
  const only = create(ScanPathsSchema, {
    path: paths.map(({ path }) => path),
    withContents: paths.map(({ withContents }) => withContents),
  });
  return { only, end };
}

/** Remembers what the holder of a lease may have written, unless it was the result that ended the lease. */
async function noteLost(
  transaction: Transaction,
  key: BatchKey,
  generation: number,
): Promise<void> {
  const [batch, items] = await Promise.all([transaction.batch(key), transaction.batchItems(key)]);
  const { state, generation: newest } = batch?.lease ?? {};
  const isHeld = state === LeaseState.LEASED && newest === generation;
  if (isHeld && isTransfer(batch!.phase) && items !== undefined)
    await noteUnreported(transaction, key, decodeBatchItems(items));
}

/**
 * Takes a lease back that ended without a result; when its run has ended, all there is to do is to remember what its holder may have
 * written. Answers with the run, if it is open.
 */
export function commitRelease(
  store: Store,
  lease: LiveLease,
  nowMs: number,
): Promise<RunRow | undefined> {
  return store.commit(async (transaction) => {
    const { generation } = lease;
    if (lease.target.kind === 'batch') await noteLost(transaction, lease.target.batch, generation);
    const row = await transaction.run(lease.run);
    if (row === undefined || !isRunOpen(row.run!.state)) return undefined;
    if (lease.target.kind === 'scan') {
      const next = stepRun(row, { kind: 'release-scan', generation }, nowMs);
      transaction.putRun(lease.run, next);
      return next;
    }
    const batch = await transaction.batch(lease.target.batch);
    const released = stepLease(batch!.lease!, { kind: 'release', generation });
    transaction.putBatch(
      lease.target.batch,
      create(BatchRowSchema, { ...batch!, lease: released }),
    );
    return row;
  });
}
