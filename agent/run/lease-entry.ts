// A lease as the agent's work keeps it: its state, its job, and what frames say about it.
import { create } from '@bufbuild/protobuf';
import {
  AttentionSchema,
  type AttachRequest,
  type Attention,
  type LeaseKey,
} from '../../gen/drover/v1/session_pb.ts';
import type { BatchRun } from './batch-run.ts';
import type { HeldLease, LeaseEvent } from './lease-table.ts';
import type { ScanRun } from './scan-run.ts';
import type { SignInTrouble } from './sign-in-watch.ts';

/** A lease that is held. */
export interface Entry {
  key: LeaseKey;
  held: HeldLease;
  /** Undefined for a lease whose results come from the journal. */
  run: ScanRun | BatchRun | undefined;
  /** Whether it can be done only as long as the agent can sign in. */
  usesTenant: boolean;
  /** Settles when the journal has the lease. */
  recorded: Promise<void>;
}

/** What the end of a job means for its lease. */
export function endOf(report: AttachRequest | undefined): LeaseEvent {
  if (report === undefined) return { kind: 'abandon' };
  const { frame } = report;
  const isPartial = frame.case === 'batchDone' && frame.value.partial;
  return { kind: isPartial ? 'finish-partly' : 'finish', report };
}

/** What is said of a sign-in that does not work; folders need none. */
export function attentionOf(trouble: SignInTrouble | undefined): Attention | undefined {
  return trouble && create(AttentionSchema, { ...trouble, locationKinds: ['sharepoint'] });
}

/** Whether the lease is one of a scan. */
export function isScan(key: LeaseKey | undefined): boolean {
  return key?.lease.endsWith('/scan') === true;
}

/** Whether nothing may be sent about the lease any more but its return. */
export function isRevoked(held: HeldLease): boolean {
  return held.state === 'stopping' ? held.wanted === 'nothing' : held.state === 'saving' && held.revoked; // prettier-ignore
}
