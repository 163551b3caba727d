// Filters that somebody wants tried on a source: no lease, and over when the stream is lost. One at a time, so that it takes no more than one
// thread from what the agent is there for.
import { MessageChannel } from 'node:worker_threads';
import { create } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { FilterPreviewSchema, FilterPreviewState, type FilterPreview } from '../../gen/drover/v1/filter_pb.ts'; // oxfmt-ignore
import {
  AttachRequestSchema,
  FilterPreviewProgressSchema,
  type AttachRequest,
  type FilterPreviewStart,
} from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { Clock } from '../../lib/time.ts';
import {
  createSharedJobState,
  stopJob,
  type JobResult,
  type SharedJobState,
} from '../pool/jobs.ts';
import type { Pool } from '../pool/pool.ts';
import { filterSettings } from './filter-settings.ts';
import { manifestPlace } from './manifest-place.ts';

/** How often the coordinator hears of a preview that waits for a thread. */
const tellMs = 1000;
/** How long a preview waits for a thread: then the agent has enough else to do. */
const threadWaitMs = 60_000;
const samplesMax = 50;
const timeMsMax = 10 * 60_000;
const itemsMax = 100_000_000;

export interface FilterPreviewsParts {
  pool: Pool;
  clock: Clock;
  sourceRoots: readonly string[];
  mayRead: (source: string) => boolean;
}

interface Going {
  preview: string;
  shared: SharedJobState;
}

export class FilterPreviews {
  readonly #parts: FilterPreviewsParts;
  #going: Going | undefined;

  constructor(parts: FilterPreviewsParts) {
    this.#parts = parts;
  }

  /** Looks, and tells `send` what is found. Never rejects. */
  async start(start: FilterPreviewStart, send: (frame: AttachRequest) => void): Promise<void> {
    const { preview } = start;
    if (this.#going !== undefined) {
      send(frameOf(preview, refused(ErrorReason.UNAVAILABLE, 'it tries the filters of somebody else; try again when that is over'))); // oxfmt-ignore
      return;
    }
    const going: Going = { preview, shared: createSharedJobState(0) };
    this.#going = going;
    try {
      const answer = await this.#look(start, going, send);
      if (this.#isWanted(going) && answer !== undefined) send(frameOf(preview, answer));
    } finally {
      if (this.#going === going) this.#going = undefined;
    }
  }

  /** Nobody wants it any more. */
  stop(preview: string): void {
    if (this.#going?.preview === preview) this.stopAll();
  }

  /** The stream is lost, or the agent ends. */
  stopAll(): void {
    if (this.#going !== undefined) stopJob(this.#going.shared);
    this.#going = undefined;
  }

  #isWanted(going: Going): boolean {
    return this.#going === going;
  }

  async #look(
    start: FilterPreviewStart,
    going: Going,
    send: (frame: AttachRequest) => void,
  ): Promise<Answer | undefined> {
    const { preview, source, settings } = start;
    const { pool, clock, sourceRoots, mayRead } = this.#parts;
    if (!mayRead(source)) return refused(ErrorReason.SOURCE_ACCESS_DENIED, 'the source lies outside what the agent may read'); // oxfmt-ignore
    const { port1, port2 } = new MessageChannel();
    let latest: FilterPreview = waiting;
    let hasBegun = false;
    let ticks = 0;
    const tell = () => {
      if (this.#isWanted(going)) send(frameOf(preview, { found: latest }));
    };
    const busy = Promise.withResolvers<Answer>();
    const giveUp = () => {
      stopJob(going.shared);
      busy.resolve(refused(ErrorReason.UNAVAILABLE, 'all its threads have other work; try again later')); // oxfmt-ignore
    };
    const tick = () => {
      ticks += 1;
      if (!hasBegun && ticks * tellMs >= threadWaitMs) giveUp();
      tell();
      cancelTick = clock.after(tellMs, tick);
    };
    let cancelTick = clock.after(tellMs, tick);
    port1.on('message', (found: FilterPreview) => {
      hasBegun = true;
      latest = found;
    });
    tell();
    try {
      const looked = pool.run({
        kind: 'preview',
        source,
        filters: filterSettings(settings),
        manifest: manifestPlace(start, sourceRoots),
        samplesMax: Math.min(start.samplesMax, samplesMax),
        itemsMax: Number(start.itemsMax > BigInt(itemsMax) ? itemsMax : start.itemsMax),
        timeMs: start.timeMax === undefined ? timeMsMax : Math.min(durationMs(start.timeMax), timeMsMax), // oxfmt-ignore
        tenant: undefined,
        port: port2,
        shared: going.shared,
      });
      return await Promise.race([looked.then(answerOf), busy.promise]);
    } catch (thrown) {
      const { reason, message } = DroverError.from(thrown);
      return refused(reason, message);
    } finally {
      cancelTick();
      port1.close();
    }
  }
}

type Answer = { found: FilterPreview } | { reason: ErrorReason; message: string };

/** Undefined when nobody wants to hear it any more. */
function answerOf(result: JobResult): Answer | undefined {
  if (result.kind === 'previewed') return { found: result.found };
  return result.kind === 'failed' ? refused(result.reason as ErrorReason, result.message) : undefined; // oxfmt-ignore
}

const waiting = create(FilterPreviewSchema, { state: FilterPreviewState.RUNNING });

function refused(reason: ErrorReason, message: string): Answer {
  return { reason, message };
}

function frameOf(preview: string, answer: Answer): AttachRequest {
  const value = create(FilterPreviewProgressSchema, { preview, ...answer });
  return create(AttachRequestSchema, { frame: { case: 'filterPreviewProgress', value } });
}
