// The sessions of agents that were disabled: each ends when the agent has given back what it held, so that what it had done is not lost; at
// latest after a few seconds, because somebody wants it to be gone.
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import type { Clock } from '../../lib/time.ts';
import type { LeaseTable } from './lease-table.ts';
import type { Session } from './session.ts';

/** What needs longer to stop is given to others as it is. */
const stopTimeMs = 5000;

export interface DisabledSessionsParts {
  clock: Clock;
  table: Pick<LeaseTable, 'ofSession'>;
  /** Ends the session, and frees what it still holds. */
  end: (session: Session) => void;
}

export class DisabledSessions {
  readonly #parts: DisabledSessionsParts;
  /** What cancels the end of those that still have something. */
  readonly #ending = new Map<Session, () => void>();

  constructor(parts: DisabledSessionsParts) {
    this.#parts = parts;
  }

  /** The agent is disabled, and was told to stop. Asked again it waits no longer than it would have. */
  begin(session: Session): void {
    if (session.closed || this.#ending.has(session)) return;
    const cancel = this.#parts.clock.after(stopTimeMs, () => this.#end(session));
    this.#ending.set(session, cancel);
    this.look(session);
  }

  /** Something came from the agent: it may have been the last that was waited for. */
  look(session: Session): void {
    if (!this.#ending.has(session)) return;
    if (session.availability !== AgentAvailability.DISABLED) this.forget(session);
    else if (this.#parts.table.ofSession(session).length === 0) this.#end(session);
  }

  /** The session has ended, or the agent is enabled again. */
  forget(session: Session): void {
    this.#ending.get(session)?.();
    this.#ending.delete(session);
  }

  #end(session: Session): void {
    const isDisabled = session.availability === AgentAvailability.DISABLED;
    this.forget(session);
    if (isDisabled && !session.closed) this.#parts.end(session);
  }
}
