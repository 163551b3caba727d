// Filters that somebody wants tried before anything is migrated: an agent that can read the source looks. Like a check of a destination it is
// no lease: it is not stored, and is over when whoever asked has gone, or the agent has.
import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { randomUUID } from 'node:crypto';
import { ErrorReason, ErrorReasonSchema } from '../../gen/drover/v1/error_pb.ts';
import {
  FilterPreviewSchema,
  FilterPreviewState,
  type FilterPreview,
} from '../../gen/drover/v1/filter_pb.ts';
import {
  FilterPreviewStartSchema,
  FilterPreviewStopSchema,
  type FilterPreviewProgress,
} from '../../gen/drover/v1/session_pb.ts';
import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import type { Clock } from '../../lib/time.ts';
import { agentName } from '../task/names.ts';
import { isWilling } from './location-checks.ts';
import { neededSettings } from './needed-settings.ts';
import { canServe } from './reach.ts';
import type { Session } from './session.ts';
import { tooOld } from './waiting-for.ts';

/** How long an agent may say nothing of a preview; it says something every second. */
export const previewSilenceMs = 20_000;
/** How many previews there are at once, at most. */
export const previewsMax = 32;

/** What is to be looked at, and for how long. */
export interface PreviewRequest {
  source: string;
  /** Complete. */
  settings: TaskSettings;
  /** The group whose agents may look; empty: all. */
  group: string;
  samplesMax: number;
  itemsMax: bigint;
  timeMaxMs: number;
}

export interface FilterPreviewsParts {
  clock: Clock;
  /** The attached sessions, by their agent's id. */
  sessions: ReadonlyMap<string, Session>;
}

interface Pending {
  session: Session;
  /** What was said last and was not taken yet. */
  latest: FilterPreviewProgress | undefined;
  /** Why nothing comes any more. */
  failure: DroverError | undefined;
  wake: () => void;
}

export class FilterPreviews {
  readonly #parts: FilterPreviewsParts;
  /** By the preview's id. */
  readonly #pending = new Map<string, Pending>();
  #closed = false;

  constructor(parts: FilterPreviewsParts) {
    this.#parts = parts;
  }

  /** See Dispatcher.previewFilters. */
  async *preview(request: PreviewRequest, signal: AbortSignal): AsyncGenerator<FilterPreview> {
    if (this.#closed) throw unavailable('the coordinator is stopping');
    if (this.#pending.size >= previewsMax) throw unavailable('too many filters are being tried; try again in a moment'); // oxfmt-ignore
    const session = this.#choose(request);
    const preview = randomUUID();
    const pending: Pending = { session, latest: undefined, failure: undefined, wake: () => {} };
    this.#pending.set(preview, pending);
    let isOver = false;
    try {
      session.send({ case: 'filterPreviewStart', value: startFrame(preview, request) });
      while (!isOver) {
        const { found, reason, message } = await this.#next(pending, signal);
        isOver = reason !== ErrorReason.UNSPECIFIED || found?.state !== FilterPreviewState.RUNNING;
        if (reason !== ErrorReason.UNSPECIFIED) throw refusal(session, request.source, reason, message); // oxfmt-ignore
        yield create(FilterPreviewSchema, {
          ...(found ?? nothing),
          agent: agentName(session.agent),
        });
      }
    } finally {
      this.#pending.delete(preview);
      if (!isOver) session.send({ case: 'filterPreviewStop', value: create(FilterPreviewStopSchema, { preview }) }); // oxfmt-ignore
    }
  }

  /** Takes what an agent says. What nobody waits for, or comes from another session, is ignored. */
  answer(session: Session, progress: FilterPreviewProgress): void {
    const pending = this.#pending.get(progress.preview);
    if (pending?.session !== session) return;
    pending.latest = progress;
    pending.wake();
  }

  /** The session has ended, and with it what it looked at. */
  detach(session: Session): void {
    for (const pending of this.#pending.values())
      if (pending.session === session) fail(pending, unavailable(`${agentName(session.agent)} went away while it looked; try again`)); // oxfmt-ignore
  }

  /** Ends every preview. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const pending of this.#pending.values()) fail(pending, unavailable('the coordinator is stopping')); // oxfmt-ignore
  }

  /** What the agent says next, the newest if it has said more. Throws when it says nothing for too long, or never will. */
  async #next(pending: Pending, signal: AbortSignal): Promise<FilterPreviewProgress> {
    signal.throwIfAborted();
    if (pending.latest === undefined && pending.failure === undefined)
      await this.#untilWoken(pending, signal);
    const { latest, failure } = pending;
    pending.latest = undefined;
    if (latest !== undefined) return latest;
    throw failure ?? unavailable(`${agentName(pending.session.agent)} says nothing; it may be of an older version, or busy`); // oxfmt-ignore
  }

  async #untilWoken(pending: Pending, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    const cancelTimer = this.#parts.clock.after(previewSilenceMs, resolve);
    pending.wake = resolve;
    try {
      await promise;
    } finally {
      cancelTimer();
      signal.removeEventListener('abort', abort);
    }
  }

  /** An agent that can read the source, takes work, and tries no other filters. */
  #choose({ source, group, settings }: PreviewRequest): Session {
    const place = parseLocation(source, 'source');
    const need = { locationKinds: [place.kind], group, source: place };
    const reaching = [...this.#parts.sessions.values()].filter(
      (session) => !session.closed && canServe(session.ability, need),
    );
    const full = { ...need, settings: neededSettings(settings) };
    const able = reaching.filter((session) => canServe(session.ability, full));
    const willing = able.filter(isWilling);
    const busy = new Set([...this.#pending.values()].map(({ session }) => session));
    const free = willing.find((session) => !busy.has(session));
    if (free !== undefined) return free;
    if (willing.length > 0) throw unavailable('every agent that can read the source tries filters already; try again when one is done'); // oxfmt-ignore
    if (able.length > 0) throw unavailable('every agent that can read the source is draining or disabled; try again when one takes work'); // oxfmt-ignore
    if (reaching.length > 0) throw unavailable(`no connected agent that can read the source knows ${tooOld(full, reaching.map(waited))}`); // oxfmt-ignore
    const ofGroup = group === '' ? '' : ` of the group "${group}"`;
    throw new DroverError(
      ErrorReason.SOURCE_UNSUPPORTED,
      `no connected agent${ofGroup} can read "${source}"; connect one whose source roots hold it`,
      { metadata: { source }, violations: [{ field: 'source', description: 'no connected agent can read it' }] }, // oxfmt-ignore
    );
  }
}

const waited = ({ agent, offered, hello }: Session) => ({ agent, offered, version: hello.version });

/** What an agent has found that says nothing of it. */
const nothing = create(FilterPreviewSchema);

function startFrame(preview: string, request: PreviewRequest) {
  const { source, settings, samplesMax, itemsMax, timeMaxMs } = request;
  const timeMax = durationFromMs(timeMaxMs);
  return create(FilterPreviewStartSchema, { preview, source, settings, samplesMax, itemsMax, timeMax }); // oxfmt-ignore
}

function fail(pending: Pending, error: DroverError): void {
  pending.failure ??= error;
  pending.wake();
}

/** An agent newer than this coordinator may give a reason that is not known here; its words are. */
function refusal(
  session: Session,
  source: string,
  reason: ErrorReason,
  message: string,
): DroverError {
  // oxfmt-ignore
  const agent = agentName(session.agent);
  const known = ErrorReasonSchema.value[reason] !== undefined;
  return new DroverError(
    known ? reason : ErrorReason.UNAVAILABLE,
    `${agent} cannot look at "${source}": ${message}`,
    {
      // oxfmt-ignore
      metadata: { agent, source },
    },
  );
}

function unavailable(message: string): DroverError {
  return new DroverError(ErrorReason.UNAVAILABLE, message);
}
