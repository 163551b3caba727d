// How a run is shown to a person: the same view for `drover tasks watch` and for the quick start.
// It is pure, so that it can be drawn anywhere; who draws it redraws all lines in place.
import { durationMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { RunState, RunStateSchema, type Run, type RunProgress } from '../gen/drover/v1/run_pb.ts';
import { cutToWidth, escapeControl, formatBytes, formatCount, formatDuration } from './format.ts';

/**
 * What a file costs besides its bytes, as bytes: a thousand empty files are not done in no time.
 */
const bytesPerItem = 64n * 1024n;
const barColumnsMax = 40;

/**
 * The run as lines of at most `width` columns: name and state, then a bar, speed, and counts. As
 * long as the source is still being scanned nobody knows what the whole is, so there is no
 * percentage then, only what was found and done so far.
 */
export function renderProgress(run: Run, width: number): string[] {
  const progress = run.progress;
  const lines = [`${run.name}  ${describeState(run)}`];
  if (progress !== undefined) {
    lines.push(progress.scanComplete ? barLine(run, progress, width) : scanningLine(run, progress));
    lines.push(speedLine(run, progress), countsLine(progress));
  }
  if (run.error !== undefined) lines.push(run.error.message);
  return lines
    .filter((line) => line !== '')
    .map((line) => cutToWidth(escapeControl(line), Math.max(1, width)));
}

/** The run in one line, for where lines are printed one below the other. */
export function progressLine(run: Run): string {
  const progress = run.progress;
  const parts = [`${run.name} ${describeState(run)}`];
  if (progress !== undefined) {
    if (progress.scanComplete) parts.push(`${percentage(run, progress)}%`);
    parts.push(doneText(progress), speedLine(run, progress), countsLine(progress));
  }
  if (run.error !== undefined) parts.push(run.error.message);
  return escapeControl(parts.filter((part) => part !== '').join(', '));
}

/** Whether the run has come to its end, one way or the other. */
export function hasEnded(run: Run): boolean {
  switch (run.state) {
    case RunState.SUCCEEDED:
    case RunState.SUCCEEDED_WITH_FAILURES:
    case RunState.FAILED:
    case RunState.CANCELLED:
      return true;
    default:
      return false;
  }
}

/**
 * The share of the planned work that is done, in whole percent rounded down; meaningless before the
 * scan is complete.
 */
export function percentage(run: Run, progress: RunProgress): number {
  if (hasEnded(run) && run.state === RunState.SUCCEEDED) return 100;
  const planned = progress.plannedBytes + progress.plannedItems * bytesPerItem;
  if (planned === 0n) return 0;
  const done = doneBytes(progress) + doneItems(progress) * bytesPerItem;
  const percent = Number((done * 100n) / planned);
  return hasEnded(run) ? Math.min(100, percent) : Math.min(99, percent);
}

function describeState(run: Run): string {
  const name = RunStateSchema.value[run.state]?.localName ?? 'UNKNOWN';
  const state = name.toLowerCase().replaceAll('_', ' ');
  const mode = run.scanOnly ? ' (scan only)' : '';
  const waiting = run.waitingFor === '' || hasEnded(run) ? '' : `, waits for ${run.waitingFor}`;
  return `${state}${mode}${waiting}`;
}

function scanningLine(run: Run, progress: RunProgress): string {
  const found = `${formatCount(progress.scannedItems)} items, ${formatBytes(progress.scannedBytes)}`;
  if (hasEnded(run)) return `the scan did not come to its end: ${found} found`;
  if (run.state === RunState.QUEUED && progress.scannedItems === 0n) return '';
  return `scanning: ${found} found so far; ${doneText(progress)}`;
}

function barLine(run: Run, progress: RunProgress, width: number): string {
  if (run.scanOnly)
    return `scanned; a run would write ${formatCount(progress.plannedItems)} items, ${formatBytes(progress.plannedBytes)}`;
  const percent = percentage(run, progress);
  const text = `${String(percent).padStart(3)}%  ${doneText(progress)}`;
  const columns = Math.min(barColumnsMax, width - text.length - 2);
  if (columns < 5) return text;
  const filled = Math.floor((columns * percent) / 100);
  return `${'█'.repeat(filled)}${'░'.repeat(columns - filled)} ${text}`;
}

/** Done of planned, or only what is done as long as the plan still grows. */
function doneText(progress: RunProgress): string {
  const items = formatCount(doneItems(progress));
  const bytes = formatBytes(doneBytes(progress));
  if (!progress.scanComplete) return `${items} items, ${bytes} done`;
  const ofItems = `${items} of ${formatCount(progress.plannedItems)} items`;
  return `${ofItems}, ${bytes} of ${formatBytes(progress.plannedBytes)}`;
}

function speedLine(run: Run, progress: RunProgress): string {
  if (hasEnded(run)) {
    if (run.startTime === undefined || run.endTime === undefined) return '';
    return `took ${formatDuration(timestampMs(run.endTime) - timestampMs(run.startTime))}`;
  }
  if (run.state !== RunState.RUNNING) return '';
  const parts = [
    `${formatBytes(progress.bytesPerSecond)}/s`,
    `${formatCount(progress.itemsPerSecond)} items/s`,
  ];
  if (progress.scanComplete && progress.timeLeft !== undefined)
    parts.push(`about ${formatDuration(durationMs(progress.timeLeft))} left`);
  return parts.join(', ');
}

function countsLine(progress: RunProgress): string {
  return `${formatCount(progress.skippedItems)} skipped, ${formatCount(progress.failedItems)} failed`;
}

// Items that fail before they are planned count as failed too, so the sum can pass what was
// planned.
function doneItems(progress: RunProgress): bigint {
  const done = progress.succeededItems + progress.failedItems + progress.inFlightItems;
  return done < progress.plannedItems ? done : progress.plannedItems;
}

function doneBytes(progress: RunProgress): bigint {
  const done = progress.succeededBytes + progress.failedBytes + progress.inFlightBytes;
  return done < progress.plannedBytes ? done : progress.plannedBytes;
}
