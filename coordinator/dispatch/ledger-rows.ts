// What the results of a batch make of the ledger. PURE.
import type { LedgerRow } from '../../gen/drover/store/v1/rows_pb.ts';
import type { BatchItems, BatchResults } from '../../gen/drover/v1/columns_pb.ts';
import { ItemAction, ItemKind, ItemState, ItemVerification } from '../../gen/drover/v1/item_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { isTransfer } from '../task/batch-phase.ts';
import { quickXorHashBytes, sha256Bytes } from '../plan/hash-bytes.ts';

const nothing: Uint8Array = new Uint8Array(0);

/** Of which batch results are, and who sent them. */
export interface ResultsOrigin {
  phase: BatchPhase;
  run: number;
  /** The id of the agent. */
  agent: string;
}

/** One row for each item that was written and is now at the destination. */
export function ledgerRows(
  items: BatchItems,
  results: BatchResults,
  { phase, run, agent }: ResultsOrigin,
): [path: string, row: LedgerRow][] {
  const rows: [path: string, row: LedgerRow][] = [];
  if (phase === BatchPhase.GONE) return rows;
  const rewritten = new Map(results.rewritten.map((content) => [content.index, content]));
  for (let index = 0; index < results.state.length; index += 1) {
    const state = results.state[index];
    const isFolder = items.kind[index] === ItemKind.FOLDER;
    // A folder has its row from when it is made, so that it is known to be the task's own also when the run is stopped before its end.
    const isMade = !isTransfer(phase) || items.action[index] === ItemAction.CREATE;
    if (state !== ItemState.SUCCEEDED || (isFolder && !isMade)) continue;
    const content = rewritten.get(index);
    // Written out, which is many times faster than `create`; in the order of the row that is read, so that all are alike to the engine.
    const row: LedgerRow = {
      $typeName: 'drover.store.v1.LedgerRow',
      size: results.size[index]!,
      modifiedNs: results.modifiedNs[index]!,
      createdNs: items.createdNs[index]!,
      fileId: items.fileId[index]!,
      sha256: part(results.sha256, index, sha256Bytes),
      quickXorHash: part(results.quickXorHash, index, quickXorHashBytes),
      destinationModifiedNs: results.destinationModifiedNs[index]!,
      run,
      folder: isFolder,
      destinationPath: results.keptPath[index] || otherPath(items, index),
      destinationId: results.destinationId[index] ?? '',
      destinationVersion: results.destinationVersion[index] ?? '',
      goneRun: 0,
      agent,
      attempts: results.attempts[index]!,
      verification: results.verification[index] ?? ItemVerification.UNSPECIFIED,
      destinationSize: content?.size ?? 0n,
      destinationQuickXorHash: content?.quickXorHash ?? nothing,
      dated: isFolder && phase === BatchPhase.FOLDERS,
    };
    rows.push([items.path[index]!, row]);
  }
  return rows;
}

/** The path at the destination where it is not the one at the source. */
function otherPath({ path, destinationPath }: BatchItems, index: number): string {
  const other = destinationPath[index] ?? '';
  return other === path[index] ? '' : other;
}

function part(bytes: Uint8Array, index: number, length: number): Uint8Array {
  return bytes.subarray(index * length, (index + 1) * length);
}
