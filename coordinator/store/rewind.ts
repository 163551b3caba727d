// A store that was copied back is made ready to go on: what was true at the time of its backup and cannot be true any more is taken out.
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  BatchRowSchema,
  LeaseRowSchema,
  LeaseState,
  type LeaseRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { AuditEntrySchema } from '../../gen/drover/v1/audit_pb.ts';
import { coordinatorCaller } from './audit-chain.ts';
import { generationBaseAt } from './generations.ts';
import { keys, under } from './keys.ts';
import { LevelReader } from './level-reader.ts';
import { KnownRows } from './known-rows.ts';
import { LedgerAhead } from './ledger-ahead.ts';
import { LevelTransaction } from './level-transaction.ts';
import { encodeNumber, openDatabase, readNumber } from './open-database.ts';
import { SafeWriter } from './safe-writer.ts';

/** What a restoration did to the rows. */
export interface Rewound {
  /** Runs that go on. */
  openRuns: number;
  /** Leases that agents held and hold no more. */
  leases: number;
}

/**
 * Takes all leases back, sets the base of all generations to come, and forgets join tokens: how often one was used since is not known, and
 * one that was for a single agent must not let a second one in. One write, forced to the disk.
 */
export async function rewindStore(folder: string, nowMs: number): Promise<Rewound> {
  await using database = await openDatabase(folder, { make: false });
  const before = (await readNumber(database, keys.generationBase)) ?? 0;
  const generationBase = generationBaseAt(nowMs, before);
  const opened = {
    database,
    folder,
    generationBase,
    known: new KnownRows(),
    ahead: new LedgerAhead(),
  };
  const transaction = new LevelTransaction(opened);
  const openRuns = await new LevelReader(opened).openRuns();
  let leases = 0;
  for (const key of openRuns) {
    const row = await transaction.run(key);
    if (row?.scan?.lease?.state !== LeaseState.LEASED) continue;
    row.scan.lease = free(row.scan.lease);
    transaction.putRun(key, row);
    leases += 1;
  }
  for await (const key of database.keys(under('leased!'))) {
    const [, task, run, batch] = key.split('!');
    const batchKey = { task: task!, run: Number(run), batch: Number(batch) };
    const row = await transaction.batch(batchKey);
    if (row?.lease?.state !== LeaseState.LEASED) continue;
    transaction.putBatch(batchKey, create(BatchRowSchema, { ...row, lease: free(row.lease) }));
    leases += 1;
  }
  for await (const key of database.keys(under('join-token!')))
    transaction.writes.set(key, undefined);
  transaction.writes.set(keys.generationBase, encodeNumber(opened.generationBase));
  await noteRestoration(transaction, nowMs);
  await new SafeWriter(database, folder).write(transaction.writes);
  return { openRuns: openRuns.length, leases };
}

function free(lease: LeaseRow): LeaseRow {
  return create(LeaseRowSchema, { ...lease, state: LeaseState.PENDING, agent: '' });
}

/** The audit log goes on where the backup ends; what it held of the time since is told by the numbers that were noted elsewhere. */
async function noteRestoration(transaction: LevelTransaction, nowMs: number): Promise<void> {
  const last = (await transaction.auditHead())?.number ?? 0n;
  const message = `a backup was restored: what was entered after entry ${last} until then is not in this log`;
  await transaction.appendAudit(
    create(AuditEntrySchema, {
      time: timestampFromMs(nowMs),
      caller: coordinatorCaller,
      method: 'a backup was restored',
      message,
    }),
  );
}
