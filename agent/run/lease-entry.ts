// A lease as the agent's work keeps it: its state, its job, and what frames say about it. PURE, but for the thread that the job runs in.
import { create } from '@bufbuild/protobuf';
import {
  AttentionSchema,
  type AttachRequest,
  type Attention,
  type LeaseKey,
} from '../../gen/drover/v1/session_pb.ts';
import { isEnding } from '../pool/jobs.ts';
import type { BatchRun } from './batch-run.ts';
import type { HeldLease, LeaseEvent } from './lease-table.ts';
import { holds, parseLocation, type Location } from '../../lib/location.ts';
import type { ScanRun } from './scan-run.ts';
import type { ShareTrouble } from './share-host.ts';
import type { PlaceTrouble } from './place-watch.ts';
import type { Trouble } from './trouble.ts';

/** The most shares, and the most other sources, that a heartbeat names; when there are more, it says that none of the kind can be read. */
const placesToldMax = 200;

/** A lease that is held. */
export interface Entry {
  key: LeaseKey;
  held: HeldLease;
  /** Undefined for a lease whose results come from the journal. */
  run: ScanRun | BatchRun | undefined;
  /** Whether it can be done only as long as the agent can sign in. */
  usesTenant: boolean;
  /** What it reads, and the folder that it writes to, where it is one; none for a lease whose results come from the journal. */
  places: readonly Location[];
  /** Settles when the journal has the lease. */
  recorded: Promise<void>;
}

/**
 * Whether a lease that waits may be begun beside those that are going. A batch for a tenant may as soon as one of them has begun its last
 * items: what it still waits for leaves requests free, and a thread does both at once.
 */
export function hasThread(entry: Entry, going: ReadonlySet<Entry>, threads: number): boolean {
  if (!entry.usesTenant || entry.run?.work !== 'batch') return going.size < threads;
  const busy = [...going].filter(({ run }) => run !== undefined && !isEnding(run.shared));
  return busy.length < threads;
}

/** What the end of a job means for its lease. */
export function endOf(report: AttachRequest | undefined): LeaseEvent {
  if (report === undefined) return { kind: 'abandon' };
  const { frame } = report;
  const isPartial = frame.case === 'batchDone' && frame.value.partial;
  return { kind: isPartial ? 'finish-partly' : 'finish', report };
}

/** What does not work at the moment: the sign-in to the tenant, that to shares, and places that are out of reach for another reason. */
export interface Troubles {
  tenant: Trouble | undefined;
  shares: ShareTrouble | undefined;
  places: PlaceTrouble | undefined;
}

/** What is said of it, all in one. */
export function attentionOf({ tenant, shares, places }: Troubles): Attention | undefined {
  const all = [tenant, shares, places].filter((trouble) => trouble !== undefined);
  const [first] = all;
  if (first === undefined) return undefined;
  const lost = places?.places ?? [];
  const kinds = [...(tenant ? ['sharepoint'] : []), ...(shares ? ['unc'] : []), ...lost.map((place) => parseLocation(place, 'place').kind)]; // oxfmt-ignore
  const told = [shares?.shares ?? [], lost].filter((one) => one.length <= placesToldMax); // oxfmt-ignore
  return create(AttentionSchema, {
    reason: first.reason,
    message: all.map(({ message }) => message).join('; '),
    locationKinds: [...new Set(kinds)],
    sources: told.flat(),
  });
}

/** Whether what does not work keeps a lease from being worked on. */
export function isHindered(
  { usesTenant, places }: Pick<Entry, 'usesTenant' | 'places'>,
  attention: Attention | undefined,
): boolean {
  const { locationKinds: kinds = [], sources = [] } = attention ?? {};
  if (usesTenant && kinds.includes('sharepoint')) return true;
  const lost = sources.map((place) => parseLocation(place, 'place'));
  return places.some((place) => {
    if (!kinds.includes(place.kind)) return false;
    const ofKind = lost.filter(({ kind }) => kind === place.kind);
    return ofKind.length === 0 || ofKind.some((one) => holds(one, place));
  });
}

/** Whether the lease is one of a scan. */
export function isScan(key: LeaseKey | undefined): boolean {
  return key?.lease.endsWith('/scan') === true;
}

/** Whether nothing may be sent about the lease any more but its return. */
export function isRevoked(held: HeldLease): boolean {
  return held.state === 'stopping' ? held.wanted === 'nothing' : held.state === 'saving' && held.revoked; // oxfmt-ignore
}
