// Verifies the audit log of a database as it is at one moment, whatever is added to it meanwhile.
import { fromBinary } from '@bufbuild/protobuf';
import { AuditHeadRowSchema, type AuditHeadRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ChainCheck, type KnownEntry, type Verdict } from './audit-chain.ts';
import { keys, under } from './keys.ts';
import type { Database } from './open-database.ts';

/** How many entries are looked at before others have their turn: some milliseconds. */
const stepEntries = 256;

/** Throws what the signal was aborted with, and what LevelDB says. */
export async function verifyAudit(
  database: Database,
  known?: KnownEntry,
  signal?: AbortSignal,
): Promise<Verdict> {
  await using snapshot = database.snapshot();
  const check = new ChainCheck(readHead(await database.get(keys.auditHead, { snapshot })), known);
  await using iterator = database.iterator({ ...under('audit!'), snapshot, fillCache: false });
  for (
    let step = await iterator.nextv(stepEntries);
    step.length > 0 && !check.isBroken;
    step = await iterator.nextv(stepEntries)
  ) {
    // oxfmt-ignore
    signal?.throwIfAborted();
    for (const [key, bytes] of step) check.add(numberOf(key), bytes);
  }
  return check.finish();
}

function numberOf(key: string): bigint {
  const text = key.slice(key.indexOf('!') + 1);
  return /^\d+$/.test(text) && key === keys.audit(BigInt(text)) ? BigInt(text) : 0n;
}

/** A head that cannot be read says nothing. */
function readHead(bytes: Uint8Array | undefined): AuditHeadRow | undefined {
  try {
    return bytes && fromBinary(AuditHeadRowSchema, bytes);
  } catch {
    return undefined;
  }
}
