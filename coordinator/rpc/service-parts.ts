// What the services are made of.
import type { Logger } from '../../lib/log.ts';
import type { HostPort } from '../../lib/option-values.ts';
import type { Clock } from '../../lib/time.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import type { Observer } from '../observer.ts';
import type { ReportThreads } from '../report/report-threads.ts';
import type { Store } from '../store/store.ts';
import type { AuditLog } from '../trust/audit-log.ts';
import type { Trust } from '../trust/trust.ts';
import type { Webhooks } from '../webhook/webhooks.ts';
import type { CallLimits } from './call-limits.ts';
import type { ChangeHub } from './change-hub.ts';
import type { OpenCalls } from './open-calls.ts';

export interface ServiceParts {
  /** Each of its commits enters in the audit log what it changes. */
  store: Store;
  audit: AuditLog;
  trust: Trust;
  dispatcher: Dispatcher;
  clock: Clock;
  log: Logger;
  changes: ChangeHub;
  limits: CallLimits;
  openCalls: OpenCalls;
  webhooks: Webhooks;
  reportThreads: ReportThreads;
  /** @default nobody measures */
  observer?: Observer | undefined;
  /** Where machines find the coordinator, for invitations; at least one. Asked only once it listens. */
  addresses: () => HostPort[];
}

/** What the service of tasks is made of besides. */
export interface TaskServiceParts extends ServiceParts {
  /** Removes what a deleted task left behind, in the background. */
  sweep: () => void;
  scheduler: Pick<Scheduler, 'taskChanged'>;
}
