// A run as the API shows it: what is stored, and, while it is going, what is measured. PURE.
import { clone, create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { PlanCountsSchema, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import {
  GoneDecision,
  RunSchema,
  RunState,
  type PlanEstimate,
  type Run,
} from '../../gen/drover/v1/run_pb.ts';
import type { TaskSettings } from '../../gen/drover/v1/settings_pb.ts';
import type { LiveProgress } from '../dispatch/dispatcher.ts';
import { estimatePlan, type Capacity } from '../dispatch/plan-estimate.ts';
import { approvalQuestion, plannedRecycles } from '../task/approval.ts';
import { goneQuestion } from '../task/gone-guard.ts';
import { isRunOpen } from '../task/run-states.ts';

/** What an estimate goes by beside the plan. */
export interface EstimateParts {
  /** Of those that can serve a run with these settings; undefined: whatever they are. */
  capacityOf: (settings: TaskSettings | undefined) => Capacity;
  tenantLicenses: number;
}

/** `live` is undefined when nothing is measured; it is left out for a run that has ended. */
export function viewRun(
  row: RunRow,
  live: LiveProgress | undefined,
  parts: EstimateParts | undefined,
): Run {
  const run = clone(RunSchema, row.run!);
  if (parts !== undefined) run.estimate = estimateOf(row, parts);
  if (!isRunOpen(run.state)) return run;
  const question = questionOf(row);
  if (question !== '') run.waitingFor = question;
  if (live === undefined) return run;
  const progress = run.progress!;
  progress.inFlightItems = live.inFlightItems;
  progress.inFlightBytes = live.inFlightBytes;
  progress.bytesPerSecond = live.bytesPerSecond;
  progress.itemsPerSecond = live.itemsPerSecond;
  if (live.timeLeftMs !== undefined)
    progress.timeLeft = durationFromMs(Math.round(live.timeLeftMs));
  if (question === '') run.waitingFor = live.waitingFor;
  return run;
}

/** What the run asks somebody; empty when it asks nothing. */
function questionOf(row: RunRow): string {
  const { state, goneDecision } = row.run!;
  if (state === RunState.AWAITING_APPROVAL) return approvalQuestion(row);
  return goneDecision === GoneDecision.PENDING ? goneQuestion(row) : '';
}

/** Of a run that has ended only what it costs is told, unless it only planned. */
function estimateOf(row: RunRow, { capacityOf, tenantLicenses }: EstimateParts): PlanEstimate {
  const { scanOnly, state, settings } = row.run!;
  const isToBeDone = scanOnly || isRunOpen(state);
  const capacity = capacityOf(isToBeDone ? settings : undefined);
  return estimatePlan({
    counts: row.planCounts ?? create(PlanCountsSchema),
    recycledItems: plannedRecycles(row),
    isTenant: capacity.isTenant,
    capacity: isToBeDone ? capacity : undefined,
    tenantLicenses,
  });
}
