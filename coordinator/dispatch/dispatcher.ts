// The part of the coordinator that gives work to attached agents: what the rest of the coordinator sees of it.
import type { FilterPreview } from '../../gen/drover/v1/filter_pb.ts';
import type { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import type { RunState } from '../../gen/drover/v1/run_pb.ts';
import type { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { AttachRequest, AttachResponse } from '../../gen/drover/v1/session_pb.ts';
import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import type { Task } from '../../gen/drover/v1/task_pb.ts';
import type { RunKey } from '../store/store.ts';
import type { PreviewRequest } from './filter-previews.ts';
import type { CheckOptions } from './location-checks.ts';
import type { Capacity } from './plan-estimate.ts';

/** What is measured of a run while it is going, and not stored. */
export interface LiveProgress {
  inFlightItems: bigint;
  inFlightBytes: bigint;
  bytesPerSecond: bigint;
  itemsPerSecond: number;
  /** Undefined while it cannot be told. */
  timeLeftMs: number | undefined;
  /** What the run waits for, in words; empty when it does not wait. */
  waitingFor: string;
}

/** What is known of an agent only while it is attached. */
export interface LiveAgent {
  draining: boolean;
  version: string;
  platform: string;
  slots: number;
  slotsUsed: number;
  locationKinds: readonly string[];
  group: string;
  /** Empty: every path that exists on its machine. */
  sourceRoots: readonly string[];
  /** What it says is wrong with it. */
  attention: { reason: ErrorReason; message: string; sources: readonly string[] } | undefined;
  /** The settings that it does not understand. */
  unknownSettings: readonly string[];
  /** Over the last seconds. */
  itemsPerSecond: number;
  bytesPerSecond: number;
  /** Milliseconds since 1970. */
  attachTimeMs: number;
  lastSeenTimeMs: number;
}

/** How much there is to do and who does it, at this moment. */
export interface DispatchFigures {
  /** Runs that have not ended. */
  runs: {
    state: RunState;
    /** Batches of the phase it is in that no agent has. */
    queuedBatches: number;
    /** It could go on, and no agent works on it. */
    isWaiting: boolean;
  }[];
  scanLeases: number;
  batchLeases: number;
  /** Of all attached agents. */
  slots: number;
}

/** Something that a watcher may want to read again. */
export type Change =
  /** `hasEnded`: its run has. */
  { kind: 'task'; task: string; hasEnded?: boolean } | { kind: 'agent'; agent: string };

export interface Dispatcher {
  /**
   * Serves one attached agent until its frames end or the signal aborts; ending the answer detaches it. `agent` is the
   * agent's id (without `agents/`), proved by its certificate; `from` is its address, for messages. A newer session of the same agent ends
   * the older one with SESSION_REPLACED. The session of one that is disabled ends with AGENT_DISABLED.
   */
  attach(
    agent: string,
    frames: AsyncIterable<AttachRequest>,
    signal: AbortSignal,
    from?: string,
  ): AsyncIterable<AttachResponse>;
  /** A commit changed this run from outside: it was created, paused, resumed or cancelled. Leases follow. */
  runChanged(key: RunKey): void;
  /** A commit changed this task: its group and its priority count at once for a run that is going. */
  taskChanged(task: string): void;
  /**
   * Has an attached agent of the group that takes work and has a sign-in look at a SharePoint or OneDrive destination; answers with
   * the agent's id. When an agent goes away, the next one is asked. Throws the reason and the words of an agent that cannot use it,
   * DESTINATION_UNSUPPORTED when no attached agent of the group has a sign-in, UNAVAILABLE when none of them takes work or answers in
   * time, or the signal's reason.
   */
  checkDestination(destination: string, options?: CheckOptions): Promise<{ agent: string }>;
  /**
   * Has an attached agent that can read the source try filters on it, and passes on what it finds until it is done. Throws
   * SOURCE_UNSUPPORTED when no attached agent can, UNAVAILABLE when none understands the filters or takes work, or the agent goes away or
   * falls silent, what the agent says of a source that cannot be looked at, or the signal's reason. The agent stops when nobody listens any more.
   */
  previewFilters(request: PreviewRequest, signal: AbortSignal): AsyncIterable<FilterPreview>;
  /** What there is to measure. */
  figures(): DispatchFigures;
  /** Undefined when the run is not going. */
  progress(key: RunKey): LiveProgress | undefined;
  /** What of the attached agents can work on the task, whether it has a run or not; of those that know what counts in `settings`, where given. */
  capacity(task: Task, settings?: TaskSettings): Capacity;
  /** Undefined when the agent is not attached. */
  liveAgent(agent: string): LiveAgent | undefined;
  /** Ids of the attached agents. */
  attachedAgents(): string[];
  /** A commit changed what somebody wants of an agent. Leases follow: one that is disabled loses its own, to others, and then its session. */
  setAvailability(agent: string, availability: AgentAvailability): void;
  /** A commit removed the agent: its session ends, and its leases are given to others at once. */
  removeAgent(agent: string): void;
  /** Calls back after each change, also several times a second while a run makes progress; the answer ends it. */
  subscribe(callback: (change: Change) => void): () => void;
  /** Ends every session and timer; leases stay in the store and go on after a restart. Idempotent. */
  close(): Promise<void>;
}
