// A run as the API shows it: what is stored, and, while it is going, what is measured. PURE.
import { clone } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { GoneDecision, RunSchema, type Run } from '../../gen/drover/v1/run_pb.ts';
import type { LiveProgress } from '../dispatch/dispatcher.ts';
import { goneQuestion } from '../task/gone-guard.ts';
import { isRunOpen } from '../task/run-states.ts';

/** `live` is undefined when nothing is measured; it is left out for a run that has ended. */
export function viewRun(row: RunRow, live: LiveProgress | undefined): Run {
  const run = clone(RunSchema, row.run!);
  const isAsking = run.goneDecision === GoneDecision.PENDING && isRunOpen(run.state);
  if (isAsking) run.waitingFor = goneQuestion(row);
  if (live === undefined || !isRunOpen(run.state)) return run;
  const progress = run.progress!;
  progress.inFlightItems = live.inFlightItems;
  progress.inFlightBytes = live.inFlightBytes;
  progress.bytesPerSecond = live.bytesPerSecond;
  progress.itemsPerSecond = live.itemsPerSecond;
  if (live.timeLeftMs !== undefined)
    progress.timeLeft = durationFromMs(Math.round(live.timeLeftMs));
  if (!isAsking) run.waitingFor = live.waitingFor;
  return run;
}
