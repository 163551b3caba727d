// One attached stream of one agent, as the dispatcher sees it: what the agent offered, and what goes out to it.
import { create } from '@bufbuild/protobuf';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import {
  AttachResponseSchema,
  type Attention,
  type AttachResponse,
  type Hello,
  type LeaseKey,
} from '../../gen/drover/v1/session_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { AsyncQueue } from '../../lib/async-queue.ts';
import { isAgentGroup } from '../../lib/agent-group.ts';
import { DroverError } from '../../lib/error.ts';
import { parseLocation } from '../../lib/location.ts';
import type { Clock } from '../../lib/time.ts';
import { agentName } from '../task/names.ts';
import { AgentSpeed } from './agent-speed.ts';
import { abilityWith, attentionOf } from './attention.ts';
import { readKnownSettings, unknownSettings } from './needed-settings.ts';
import { groupOf, type Ability } from './reach.ts';

/** The most slots an agent is believed to have. */
export const slotsMax = 256;
/** The most frames that wait for an agent to read them; one that reads none for so long is cut off. */
const outgoingFramesMax = 4096;
const sourceRootsMax = 1000;

export class Session {
  readonly agent: string;
  readonly hello: Hello;
  readonly slots: number;
  /** What the agent can work for when nothing is wrong with it. */
  readonly offered: Ability;
  /** The names of the settings that it does not understand. */
  readonly unknownSettings: readonly string[];
  readonly speed: AgentSpeed;
  /** Milliseconds since 1970, as is `lastSeenTimeMs`: to be shown. */
  readonly attachTimeMs: number;
  readonly outgoing = new AsyncQueue<AttachResponse>(outgoingFramesMax);
  draining: boolean;
  /** What somebody wants of the agent; undefined until it is known. */
  availability: AgentAvailability | undefined;
  closed = false;
  /** The leases of its hello are joined with what is known; only then does it get new ones. */
  resumed = false;
  #lastSeenTimeMs: number;
  #heardAtMs: number;
  #attention: Attention | undefined;
  #ability: Ability;

  /** Throws INVALID_ARGUMENT when the hello offers no slot, or names what is no group or no place, or too much of anything. */
  constructor(agent: string, hello: Hello, clock: Clock, speed = new AgentSpeed()) {
    if (hello.slots < 1) throw DroverError.invalid('hello.slots', 'must be at least 1');
    this.agent = agent;
    this.hello = hello;
    this.slots = Math.min(hello.slots, slotsMax);
    const known = readKnownSettings(hello.knownSettings);
    this.offered = { ...abilityOf(hello), settings: known };
    this.unknownSettings = unknownSettings(known);
    this.speed = speed;
    this.attachTimeMs = clock.now();
    this.#lastSeenTimeMs = this.attachTimeMs;
    this.#heardAtMs = clock.steady();
    this.draining = hello.draining;
    this.#attention = attentionOf(hello.attention);
    this.#ability = abilityWith(this.offered, this.#attention);
  }

  get lastSeenTimeMs(): number {
    return this.#lastSeenTimeMs;
  }

  /** Something came from the agent. */
  heard(clock: Clock): void {
    this.#lastSeenTimeMs = clock.now();
    this.#heardAtMs = clock.steady();
  }

  /** For how long nothing came from the agent. */
  silentMs(clock: Clock): number {
    return clock.steady() - this.#heardAtMs;
  }

  /** What is wrong with it, as `attentionOf` takes it; undefined when nothing is. */
  get attention(): Attention | undefined {
    return this.#attention;
  }

  set attention(attention: Attention | undefined) {
    this.#attention = attention;
    this.#ability = abilityWith(this.offered, attention);
  }

  /** What the agent can work for at the moment. */
  get ability(): Ability {
    return this.#ability;
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

  /** With `takesPartial`, what the agent has finished of a batch is wanted still. */
  revoke(key: LeaseKey, message: string, takesPartial = false): void {
    this.send({
      case: 'leaseRevocation',
      value: { $typeName: 'drover.v1.LeaseRevocation', key, message, takesPartial },
    });
  }

  /** Ends what goes out; the agent sees the end of the stream, or the error. Idempotent. */
  close(error?: unknown): void {
    this.closed = true;
    this.outgoing.end(error);
  }
}

/** Why a session ends whose place a newer one took, which came from the address `from`. */
export function replacedSession(older: Session, from: string, clock: Clock): DroverError {
  const name = agentName(older.agent);
  const whence = from === '' ? '' : `, from ${from},`;
  return new DroverError(
    ErrorReason.SESSION_REPLACED,
    `a newer session of ${name}${whence} took the place of this one`,
    { metadata: { name, address: from, heardMs: String(Math.round(older.silentMs(clock))) } },
  );
}

function abilityOf({ locationKinds, group, sourceRoots }: Hello): Ability {
  if (group !== '' && !isAgentGroup(group))
    throw DroverError.invalid('hello.group', `"${group}" is no name of a group`);
  if (sourceRoots.length > sourceRootsMax)
    throw DroverError.invalid('hello.source_roots', `holds more than ${sourceRootsMax}`);
  const roots = sourceRoots.map((root) => parseLocation(root, 'hello.source_roots'));
  return { locationKinds, group: groupOf(group), roots };
}
