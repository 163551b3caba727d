// One scan: pages come from a thread, get their numbers here, and are kept until the coordinator has stored them. The
// credits that the thread shares with us bound how many there are.
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { create } from '@bufbuild/protobuf';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  AttachRequestSchema,
  type AttachRequest,
  type ScanLease,
  type ScanPaths,
} from '../../gen/drover/v1/session_pb.ts';
import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { isSignInReason } from '../credential/sign-in-reason.ts';
import {
  createSharedJobState,
  grantPages,
  isStopped,
  type JobResult,
  type JobTenant,
  type ListedPath,
  type ScanPageMessage,
  type SharedJobState,
} from '../pool/jobs.ts';
import { isFolderLost } from '../destination/open-destination.ts';
import type { FilterSettings } from '../pool/filter-settings.ts';
import type { Pool } from '../pool/pool.ts';
import { unreadableReasons } from '../../lib/unreadable-source.ts';
import { runOfLease } from './batch-run.ts';
import { filterSettings } from './filter-settings.ts';
import { manifestPlace } from './manifest-place.ts';
import type { Trouble } from './trouble.ts';

/** The most pages that are kept of one scan, whatever window the coordinator offers. */
export const pageWindowMax = 64;

export class ScanRun {
  readonly work = 'scan';
  readonly shared: SharedJobState;
  readonly #lease: ScanLease;
  readonly #openTenant: () => JobTenant | undefined;
  readonly #onSignInTrouble: (trouble: Trouble) => void;
  readonly #onSource: (trouble: Trouble | undefined) => void;
  readonly #onDestination: (trouble: Trouble) => void;
  readonly #sourceRoots: readonly string[];
  readonly #onPage: (frame: AttachRequest) => void;
  /** Pages that were not acknowledged, in order; the last has the number before `#nextPage`. */
  readonly #kept: AttachRequest[] = [];
  #nextPage: bigint;

  /**
   * `onPage` gets each page as a frame as soon as it is there; `openTenant` is asked when the job begins; `onSignInTrouble` hears why it
   * could not sign in, `onSource` and `onDestination` why it cannot go on although it had begun: a source that cannot be read from the beginning
   * is a reason for the run to fail, as is a destination folder that is not there. A manifest has to lie below one of `sourceRoots`, or below the
   * source where there are none.
   */
  constructor(
    lease: ScanLease,
    parts: {
      onPage: (frame: AttachRequest) => void;
      openTenant: () => JobTenant | undefined;
      onSignInTrouble: (trouble: Trouble) => void;
      onSource: (trouble: Trouble | undefined) => void;
      onDestination: (trouble: Trouble) => void;
      sourceRoots: readonly string[];
    },
  ) {
    this.#lease = lease;
    this.#onPage = parts.onPage;
    this.#openTenant = parts.openTenant;
    this.#onSignInTrouble = parts.onSignInTrouble;
    this.#onSource = parts.onSource;
    this.#onDestination = parts.onDestination;
    this.#sourceRoots = parts.sourceRoots;
    this.#nextPage = lease.nextPage > 0n ? lease.nextPage : 1n;
    this.shared = createSharedJobState(Math.min(Math.max(lease.pageWindow, 1), pageWindowMax));
  }

  /** Runs the scan to its end; answers with its ScanDone, or undefined when it was stopped before or could not sign in. Never rejects. */
  async run(pool: Pool): Promise<AttachRequest | undefined> {
    const filters = readFilters(this.#lease.settings);
    if ('reason' in filters) return this.#done(filters);
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (message: ScanPageMessage) => this.#addPage(message));
    const result = await pool.run({
      kind: 'scan',
      source: this.#lease.source,
      destination: this.#lease.destination,
      destinationHoldsItems: this.#lease.destinationHoldsItems,
      run: runOfLease(this.#lease.key!.lease),
      tenant: this.#openTenant(),
      filters,
      triesReading: this.#lease.settings?.tryReading === true,
      afterPath: this.#lease.afterPath,
      only: this.#lease.only && listedPaths(this.#lease.only),
      manifest: manifestPlace(this.#lease, this.#sourceRoots),
      port: port2,
      shared: this.shared,
    });
    // The answer took another way than the pages and may have overtaken the last of them; they are in the port already.
    for (let last = receiveMessageOnPort(port1); last; last = receiveMessageOnPort(port1))
      this.#addPage(last.message as ScanPageMessage);
    port1.close();
    // Whoever connects shares has said so.
    if (result.kind === 'failed' && result.reason === ErrorReason.SOURCE_SIGN_IN_FAILED)
      return undefined;
    if (result.kind === 'failed' && isSignInReason(result.reason)) {
      // Whoever was told to stop may have been told because of this, and it may be over.
      if (!isStopped(this.shared))
        this.#onSignInTrouble({ reason: result.reason as ErrorReason, message: result.message });
      return undefined;
    }
    if (result.kind === 'failed' && this.#nextPage > 1n) {
      const trouble = { reason: result.reason as ErrorReason, message: result.message };
      const tell = this.#whoHearsOf(trouble.reason);
      tell?.(trouble);
      if (tell !== undefined) return undefined;
    }
    if (result.kind === 'scan-done') this.#onSource(undefined);
    return this.#done(result);
  }

  /** Who hears that a place is out of reach; undefined when the reason says nothing of the kind. */
  #whoHearsOf(reason: ErrorReason): ((trouble: Trouble) => void) | undefined {
    if (unreadableReasons.has(reason)) return this.#onSource;
    return isFolderLost(this.#lease, reason) ? this.#onDestination : undefined;
  }

  /** All pages up to this number are stored: they are dropped, and as many more may come. */
  acknowledge(page: bigint): void {
    const first = this.#nextPage - BigInt(this.#kept.length);
    const stored = Math.min(Number(page - first) + 1, this.#kept.length);
    if (stored <= 0) return;
    this.#kept.splice(0, stored);
    grantPages(this.shared, stored);
  }

  /** Frames that have to be sent again after the stream was lost. */
  unacknowledged(): readonly AttachRequest[] {
    return this.#kept;
  }

  #addPage(message: ScanPageMessage): void {
    const frame = create(AttachRequestSchema, {
      frame: {
        case: 'scanPage',
        value: { key: this.#lease.key!, page: this.#nextPage, items: message.items },
      },
    });
    this.#nextPage += 1n;
    this.#kept.push(frame);
    this.#onPage(frame);
  }

  #done(result: JobResult): AttachRequest | undefined {
    if (result.kind !== 'scan-done' && result.kind !== 'failed') return undefined;
    const failure =
      result.kind === 'failed'
        ? { reason: result.reason as ErrorReason, message: result.message }
        : { reason: ErrorReason.UNSPECIFIED, message: '' };
    return create(AttachRequestSchema, {
      frame: {
        case: 'scanDone',
        value: { key: this.#lease.key!, pages: this.#nextPage - 1n, ...failure },
      },
    });
  }
}

function readFilters(
  settings: TaskSettings | undefined,
): FilterSettings | (JobResult & { kind: 'failed' }) {
  try {
    return filterSettings(settings);
  } catch (thrown) {
    const { reason, message } = DroverError.from(thrown);
    return { kind: 'failed', reason, message };
  }
}

function listedPaths({ path, withContents }: ScanPaths): ListedPath[] {
  return path.map((one, index) => ({ path: one, withContents: withContents[index] ?? false }));
}
