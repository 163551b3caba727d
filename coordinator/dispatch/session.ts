// One attached stream of one agent, as the dispatcher sees it: what the agent offered, and what goes out to it.
import { create } from '@bufbuild/protobuf';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import {
  AttachResponseSchema,
  type AttachResponse,
  type Hello,
  type LeaseKey,
} from '../../gen/drover/v1/session_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { AsyncQueue } from '../../lib/async-queue.ts';
import { DroverError } from '../../lib/error.ts';

/** The most slots an agent is believed to have. */
export const slotsMax = 256;
/** The most frames that wait for an agent to read them; one that reads none for so long is cut off. */
const outgoingFramesMax = 4096;

export class Session {
  readonly agent: string;
  readonly hello: Hello;
  readonly slots: number;
  readonly attachTimeMs: number;
  readonly outgoing = new AsyncQueue<AttachResponse>(outgoingFramesMax);
  lastSeenTimeMs: number;
  draining: boolean;
  /** What somebody wants of the agent. */
  availability: AgentAvailability = AgentAvailability.ENABLED;
  closed = false;
  /** The leases of its hello are joined with what is known; only then does it get new ones. */
  resumed = false;

  /** Throws INVALID_ARGUMENT when the hello offers no slot. */
  constructor(agent: string, hello: Hello, nowMs: number) {
    if (hello.slots < 1) throw DroverError.invalid('hello.slots', 'must be at least 1');
    this.agent = agent;
    this.hello = hello;
    this.slots = Math.min(hello.slots, slotsMax);
    this.attachTimeMs = nowMs;
    this.lastSeenTimeMs = nowMs;
    this.draining = hello.draining;
  }

  /** Whether it may get new work. */
  get takesWork(): boolean {
    const isEnabled = this.availability === AgentAvailability.ENABLED;
    return isEnabled && !this.draining && !this.closed && this.resumed;
  }

  send(frame: AttachResponse['frame']): void {
    if (this.closed) return;
    if (this.outgoing.room === 0) {
      this.close(new DroverError(ErrorReason.UNAVAILABLE, 'the agent does not read its frames'));
      return;
    }
    this.outgoing.push(create(AttachResponseSchema, { frame }));
  }

  acknowledge(key: LeaseKey, page: bigint): void {
    this.send({
      case: 'acknowledgement',
      value: { $typeName: 'drover.v1.Acknowledgement', key, page },
    });
  }

  revoke(key: LeaseKey, message: string): void {
    this.send({
      case: 'leaseRevocation',
      value: { $typeName: 'drover.v1.LeaseRevocation', key, message, takesPartial: false },
    });
  }

  /** Ends what goes out; the agent sees the end of the stream, or the error. Idempotent. */
  close(error?: unknown): void {
    this.closed = true;
    this.outgoing.end(error);
  }
}
