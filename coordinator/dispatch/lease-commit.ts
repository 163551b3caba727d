// Leases are given and taken back here, in the store: one commit for all that is given in a round.
import { create } from '@bufbuild/protobuf';
import { BatchRowSchema, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { LeaseState } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  BatchLeaseSchema,
  LeaseKeySchema,
  ScanLeaseSchema,
  ScanPathsSchema,
  type AttachResponse,
} from '../../gen/drover/v1/session_pb.ts';
import type { RunKey, Store, Transaction } from '../store/store.ts';
import { stepLease } from '../task/lease-machine.ts';
import { batchLeaseId, scanLeaseId, type LeaseTarget } from '../task/names.ts';
import { isRunGoing, isRunOpen } from '../task/run-states.ts';
import { stepRun } from '../task/run-machine.ts';
import { nextFailedPaths } from './failed-paths.ts';
import type { LiveLease } from './lease-table.ts';
import type { RunFeed, Work } from './run-feed.ts';
import type { Session } from './session.ts';

/** How many pages of a scan may be on their way without having been acknowledged. */
export const pageWindow = 8;

/** A piece of work and who is to get it. */
export interface Pick {
  session: Session;
  feed: RunFeed;
  work: Work;
}

/** A lease that was given: what it is, and the frame that tells the agent. */
export interface Grant extends Pick {
  id: string;
  target: LeaseTarget;
  generation: number;
  frame: AttachResponse['frame'];
  /** The run as it is with this lease. */
  row: RunRow;
}

/** What became of the picks of a round. One that is in neither list is no longer there to be leased. */
export interface Round {
  grants: Grant[];
  /** Picks of runs that were paused or ended a moment ago: their work is wanted again when the run is resumed. */
  stopped: Pick[];
}

/** Gives all leases of a round in one commit. */
export function commitLeases(store: Store, picks: readonly Pick[], nowMs: number): Promise<Round> {
  return store.commit(async (transaction) => {
    const round: Round = { grants: [], stopped: [] };
    for (const pick of picks) {
      const before = await transaction.run(pick.feed.key);
      // The row of this commit counts, not the feed's, which may be older.
      if (before === undefined || !isRunGoing(before.run!.state)) {
        round.stopped.push(pick);
        continue;
      }
      const grant = await grantOne(transaction, pick, before, nowMs);
      if (grant !== undefined) round.grants.push(grant);
    }
    return round;
  });
}

async function grantOne(
  transaction: Transaction,
  pick: Pick,
  before: RunRow,
  nowMs: number,
): Promise<Grant | undefined> {
  const { key } = pick.feed;
  const begun = stepRun(before, { kind: 'begin' }, nowMs);
  if (pick.work.kind === 'scan') return grantScan(transaction, pick, begun, nowMs);
  const batchKey = { ...key, batch: pick.work.batch };
  const [batch, items] = await Promise.all([
    transaction.batch(batchKey),
    transaction.batchItems(batchKey),
  ]);
  if (batch?.lease!.state !== LeaseState.PENDING || items === undefined) return undefined;
  const lease = stepLease(batch.lease, { kind: 'lease', agent: pick.session.agent });
  transaction.putBatch(batchKey, create(BatchRowSchema, { ...batch, lease }));
  transaction.putRun(key, begun);
  const id = batchLeaseId(batchKey);
  const { generation } = lease;
  const value = create(BatchLeaseSchema, {
    key: create(LeaseKeySchema, { lease: id, generation }),
    source: pick.feed.source,
    destination: pick.feed.destination,
    settings: begun.run!.settings!,
    phase: batch.phase,
    items,
  });
  const target: LeaseTarget = { kind: 'batch', batch: batchKey };
  return { ...pick, id, target, generation, frame: { case: 'batchLease', value }, row: begun };
}

async function grantScan(
  transaction: Transaction,
  pick: Pick,
  begun: RunRow,
  nowMs: number,
): Promise<Grant | undefined> {
  const { key } = pick.feed;
  if (begun.scan!.lease!.state !== LeaseState.PENDING) return undefined;
  const piece = await nextPiece(transaction, key, begun);
  const { agent } = pick.session;
  const row = stepRun(begun, { kind: 'lease-scan', agent, until: piece?.end }, nowMs);
  transaction.putRun(key, row);
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
    ...(piece === undefined ? {} : { only: piece.only }),
  });
  const target: LeaseTarget = { kind: 'scan', run: key };
  return { ...pick, id, target, generation, frame: { case: 'scanLease', value }, row };
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

/** Takes a lease back that ended without a result; nothing to do when its run has ended. Answers with the run, if it is open. */
export function commitRelease(
  store: Store,
  lease: LiveLease,
  nowMs: number,
): Promise<RunRow | undefined> {
  return store.commit(async (transaction) => {
    const row = await transaction.run(lease.run);
    if (row === undefined || !isRunOpen(row.run!.state)) return undefined;
    const { generation } = lease;
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
