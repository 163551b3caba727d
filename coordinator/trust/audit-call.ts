// Which call is being served, for whoever writes into the audit log what was changed: a commit is made deep below the call that asked for
// it, and must not have to be told by everybody in between.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Role } from '../../gen/drover/v1/annotations_pb.ts';
import { coordinatorCaller } from '../store/audit-chain.ts';

/** A call as the audit log tells it. */
export interface AuditCall {
  /** Empty when nobody was recognised. Whoever finds out more while the call is served puts it here. */
  caller: string;
  role: Role;
  address: string;
  /** Such as drover.v1.TaskService/DeleteTask; or what happens without a call, in words. */
  method: string;
  requestId: string;
  /** What the request names; empty when it names nothing. */
  resource: string;
  /** What is to be said of what it does, where the changes do not say it. Whoever knows it puts it here, with `noteOnCall`. */
  note?: string;
}

const calls = new AsyncLocalStorage<AuditCall>();

/** Does what the call asks for. */
export function serving<T>(call: AuditCall, work: () => T): T {
  return calls.run(call, work);
}

/** Does what the coordinator does by itself; `what` is that in words. */
export function byItself<T>(what: string, work: () => T): T {
  return calls.run(happening(what), work);
}

/** The call that is being served; outside of calls, the coordinator itself. */
export function currentCall(): AuditCall {
  return calls.getStore() ?? happening('');
}

/** Says who the caller of the present call turned out to be. */
export function recogniseCaller(caller: string, role: Role = Role.UNSPECIFIED): void {
  const call = calls.getStore();
  if (call !== undefined) Object.assign(call, { caller, role });
}

/**
 * Says of the present call what the changes that it makes do not say. To be called inside the commit that makes them: it is entered with
 * that, also where no row has changed that the log tells of.
 */
export function noteOnCall(note: string): void {
  const call = calls.getStore();
  if (call !== undefined) call.note = note;
}

/** What happens without a call: `method` is that in words. */
export function happening(method: string, caller = coordinatorCaller, address = ''): AuditCall {
  return { caller, role: Role.UNSPECIFIED, address, method, requestId: '', resource: '' }; // oxfmt-ignore
}
