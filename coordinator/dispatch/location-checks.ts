// Looking at a destination before there is a task: an agent is asked, because only agents have sign-ins. A check is no lease: it
// is not stored, takes no slot, and is over when whoever asked has gone.
import { create } from '@bufbuild/protobuf';
import { randomUUID } from 'node:crypto';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import { ErrorReason, ErrorReasonSchema } from '../../gen/drover/v1/error_pb.ts';
import { LocationCheckSchema, type LocationCheckDone } from '../../gen/drover/v1/session_pb.ts';
import { DroverError } from '../../lib/error.ts';
import type { LocationKind } from '../../lib/location.ts';
import type { Clock } from '../../lib/time.ts';
import { agentName } from '../task/names.ts';
import type { Session } from './session.ts';

/** How long a check takes at most, over all agents asked: less than the 60 s the command line waits, so that it hears why. */
export const checkTimeoutMs = 50_000;
/** How many checks there are at once, at most. */
export const checksMax = 64;
/** How many agents are asked for one check, at most: each but the last went away. */
const agentsAskedMax = 8;
const checkedKind: LocationKind = 'sharepoint';

export interface LocationChecksParts {
  clock: Clock;
  /** The attached sessions, by their agent's id. */
  sessions: ReadonlyMap<string, Session>;
}

/** Who is to look, and how long somebody waits for it. */
export interface CheckOptions {
  /** The group whose agents are asked; empty: all. @default all */
  group?: string;
  signal?: AbortSignal | undefined;
}

interface Pending {
  session: Session;
  /** Undefined when the session ended without an answer. */
  settle: (answer: LocationCheckDone | undefined) => void;
  fail: (error: unknown) => void;
}

export class LocationChecks {
  readonly #parts: LocationChecksParts;
  /** By the check's id. */
  readonly #pending = new Map<string, Pending>();
  #going = 0;
  #closed = false;

  constructor(parts: LocationChecksParts) {
    this.#parts = parts;
  }

  /** See Dispatcher.checkDestination. */
  async check(destination: string, options: CheckOptions = {}): Promise<{ agent: string }> {
    if (this.#going >= checksMax)
      throw unavailable(destination, 'too many destinations are being looked at; try again in a moment'); // oxfmt-ignore
    this.#going += 1;
    try {
      return await this.#askInTurn(destination, options);
    } finally {
      this.#going -= 1;
    }
  }

  /** Takes an agent's answer. One that nobody waits for, or not from this session, is ignored: its asker has left. */
  answer(session: Session, done: LocationCheckDone): void {
    const pending = this.#pending.get(done.check);
    if (pending?.session === session) pending.settle(done);
  }

  /** The session has ended: what was asked of it is asked of others. */
  detach(session: Session): void {
    for (const pending of this.#pending.values())
      if (pending.session === session) pending.settle(undefined);
  }

  /** Ends every check. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const { fail } of this.#pending.values()) fail(stopping());
  }

  async #askInTurn(
    destination: string,
    { group = '', signal }: CheckOptions,
  ): Promise<{ agent: string }> {
    const deadlineMs = this.#parts.clock.steady() + checkTimeoutMs;
    const asked = new Set<Session>();
    while (asked.size < agentsAskedMax) {
      signal?.throwIfAborted();
      if (this.#closed) throw stopping();
      const session = this.#choose(destination, group, asked);
      if (session === undefined) break;
      asked.add(session);
      const answer = await this.#ask(session, destination, deadlineMs, signal);
      if (answer !== undefined) return judge(session.agent, destination, answer);
    }
    const names = [...new Set(Array.from(asked, ({ agent }) => agentName(agent)))].join(', ');
    throw unavailable(destination, `${names} went away while looking at it, and no other agent can; try again when one is connected`); // oxfmt-ignore
  }

  /** The agent with the fewest checks. Undefined when all that can were asked; throws when none can. */
  #choose(destination: string, group: string, asked: ReadonlySet<Session>): Session | undefined {
    const able = [...this.#parts.sessions.values()].filter(
      ({ closed, offered }) =>
        !closed &&
        offered.locationKinds.includes(checkedKind) &&
        (group === '' || offered.group === group),
    );
    const ready = able.filter((session) => isWilling(session) && !asked.has(session));
    // One whose sign-in does not work is asked only when no other is there: then its words are the answer.
    const well = ready.filter((session) => session.ability.locationKinds.includes(checkedKind));
    const [first, ...rest] = well.length > 0 ? well : ready;
    if (first !== undefined)
      return rest.reduce((best, one) => (this.#load(one) < this.#load(best) ? one : best), first);
    if (asked.size > 0) return undefined;
    const ofGroup = group === '' ? '' : ` of the group "${group}"`;
    if (able.length > 0)
      throw unavailable(destination, `every agent${ofGroup} with a sign-in for SharePoint is draining or disabled; try again when one takes work`); // oxfmt-ignore
    const start = `drover-agent ${group === '' ? '' : `--group ${group} `}--tenant … --client-id …`;
    throw refusal(ErrorReason.DESTINATION_UNSUPPORTED, destination, `no connected agent${ofGroup} has a sign-in for SharePoint; start one with ${start} (the README has the steps), or leave it to the runs to ask (check_locations)`); // oxfmt-ignore
  }

  #load(session: Session): number {
    return [...this.#pending.values()].filter((pending) => pending.session === session).length;
  }

  async #ask(
    session: Session,
    destination: string,
    deadlineMs: number,
    signal?: AbortSignal,
  ): Promise<LocationCheckDone | undefined> {
    const { clock } = this.#parts;
    const check = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<LocationCheckDone | undefined>();
    const abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const cancelTimer = clock.after(
      Math.max(0, deadlineMs - clock.steady()),
      () =>
      reject(unavailable(destination, `${agentName(session.agent)} did not say within ${checkTimeoutMs / 1000} s whether it can be written to`)), // oxfmt-ignore
    );
    this.#pending.set(check, { session, settle: resolve, fail: reject });
    session.send({ case: 'locationCheck', value: create(LocationCheckSchema, { check, destination }) }); // oxfmt-ignore
    // Sending cuts off an agent that reads nothing.
    if (session.closed) resolve(undefined);
    try {
      return await promise;
    } finally {
      cancelTimer();
      signal?.removeEventListener('abort', abort);
      this.#pending.delete(check);
    }
  }
}

/** What somebody wants of an agent is not known at once; until then it is thought to take work. */
export function isWilling({
  draining,
  availability = AgentAvailability.ENABLED,
}: Session): boolean {
  return !draining && availability === AgentAvailability.ENABLED;
}

function judge(agent: string, destination: string, answer: LocationCheckDone): { agent: string } {
  if (answer.reason === ErrorReason.UNSPECIFIED) return { agent };
  // An agent newer than this coordinator may give a reason that is not known here; its words are.
  const known = ErrorReasonSchema.value[answer.reason] !== undefined;
  const reason = known ? answer.reason : ErrorReason.DESTINATION_UNREACHABLE;
  const words = `${agentName(agent)} cannot use it: ${answer.message}`;
  throw refusal(reason, destination, words, { agent: agentName(agent) });
}

const unavailable = (destination: string, what: string): DroverError =>
  refusal(ErrorReason.UNAVAILABLE, destination, what);

const stopping = (): DroverError =>
  new DroverError(ErrorReason.UNAVAILABLE, 'the coordinator is stopping');

function refusal(
  reason: ErrorReason,
  destination: string,
  what: string,
  metadata: Record<string, string> = {},
): DroverError {
  return new DroverError(reason, `destination "${destination}": ${what}`, {
    metadata: { destination, ...metadata },
    violations: [{ field: 'task.destination', description: what }],
  });
}
