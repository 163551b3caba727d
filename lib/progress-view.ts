// How a run is shown to a person: the same view for `drover tasks watch` and for the quick start.
// It is pure, so that it can be drawn anywhere; who draws it redraws all lines in place.
import { durationMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { GoneDecision, RunState, RunStateSchema, type Run, type RunProgress } from '../gen/drover/v1/run_pb.ts'; // oxfmt-ignore
import {
  cutToWidth,
  displayWidth,
  escapeControl,
  formatBytes,
  formatCount,
  formatDuration,
} from './format.ts';
import { plannedDone } from './planned-done.ts';

/**
 * What a file costs besides its bytes, as bytes: a thousand empty files are not done in no time.
 */
const bytesPerItem = 64n * 1024n;
const barColumnsMax = 40;

/**
 * The run as lines of at most `width` columns: name and state, then a bar, speed, and counts. As
 * long as the source is still being scanned nobody knows what the whole is, so there is no
 * percentage then, only what was found and done so far. What the run waits for, asks, or failed of is never cut: it takes more lines.
 */
export function renderProgress(run: Run, width: number): string[] {
  const progress = run.progress;
  const waiting = waitingText(run);
  const state = `${run.name}  ${stateText(run)}`;
  const isShort = waiting !== '' && displayWidth(`${state}, ${waiting}`) <= width;
  const lines = isShort ? [`${state}, ${waiting}`] : [state, ...wrapped(waiting, width)];
  lines.push(...answersTo(run).flatMap((command) => wrapped(command, width)));
  if (progress !== undefined) {
    lines.push(progress.scanComplete ? barLine(run, progress, width) : scanningLine(run, progress));
    lines.push(speedLine(run, progress), countsLine(progress));
  }
  if (run.error !== undefined) lines.push(...wrapped(escapeControl(run.error.message), width));
  return lines
    .filter((line) => line !== '')
    .map((line) => cutToWidth(escapeControl(line), Math.max(1, width)));
}

/** The run in one line, for where lines are printed one below the other. */
export function progressLine(run: Run): string {
  const progress = run.progress;
  const parts = [`${run.name} ${stateText(run)}`, waitingText(run)];
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

function stateText(run: Run): string {
  const name = RunStateSchema.value[run.state]?.localName ?? 'UNKNOWN';
  const mode = run.scanOnly ? ' (scan only)' : '';
  return `${name.toLowerCase().replaceAll('_', ' ')}${mode}`;
}

function waitingText(run: Run): string {
  return run.waitingFor === '' || hasEnded(run) ? '' : escapeControl(`waits for ${run.waitingFor}`);
}

/** What a person types to answer what the run asks. */
function answersTo({ name, state, goneDecision }: Run): string[] {
  if (state === RunState.AWAITING_APPROVAL) {
    const isAsked = goneDecision === GoneDecision.PENDING;
    const answers = isAsked ? [' --gone recycle', ' --gone keep'] : [''];
    const reject = `  drover runs reject ${name} --comment WHY`;
    return [...answers.map((answer) => `  drover runs approve ${name}${answer}`), reject];
  }
  if (state !== RunState.PAUSED || goneDecision !== GoneDecision.PENDING) return [];
  const [, task = ''] = name.split('/');
  return ['recycle', 'keep'].map((answer) => `  drover tasks resume ${task} --gone ${answer}`);
}

/** The text as lines of at most `width` columns, as far as its words let them; what stands before it stands before each line. */
function wrapped(text: string, width: number): string[] {
  const words = text.trimStart().split(' ');
  const indent = ' '.repeat(text.length - text.trimStart().length);
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    const longer = line === '' ? `${indent}${word}` : `${line} ${word}`;
    const fits = line === '' || displayWidth(longer) <= width;
    if (!fits) lines.push(line);
    line = fits ? longer : `${indent}${word}`;
  }
  return [...lines, line];
}

function scanningLine(run: Run, progress: RunProgress): string {
  const found = `${formatCount(progress.scannedItems)} items, ${formatBytes(progress.scannedBytes)}`;
  if (hasEnded(run)) return `the scan did not come to its end: ${found} found`;
  if (run.state === RunState.QUEUED && progress.scannedItems === 0n) return '';
  return `scanning: ${found} found so far; ${doneText(progress)}`;
}

function barLine(run: Run, progress: RunProgress, width: number): string {
  if (run.scanOnly || run.state === RunState.AWAITING_APPROVAL)
    return `scanned; a run would write ${formatCount(progress.plannedItems)} items, ${formatBytes(progress.plannedBytes)}${costText(run)}`;
  const percent = percentage(run, progress);
  const text = `${String(percent).padStart(3)}%  ${doneText(progress)}`;
  const columns = Math.min(barColumnsMax, width - text.length - 2);
  if (columns < 5) return text;
  const filled = Math.floor((columns * percent) / 100);
  return `${'█'.repeat(filled)}${'░'.repeat(columns - filled)} ${text}`;
}

/** How long it would take, and what it would cost, as far as that is known. */
function costText({ estimate }: Run): string {
  if (estimate === undefined) return '';
  const { timeMin, timeMax, requestsMin, requestsMax } = estimate;
  const parts = [''];
  if (timeMin !== undefined && timeMax !== undefined)
    parts.push(`in ${rangeText(formatDuration(durationMs(timeMin)), formatDuration(durationMs(timeMax)))}`); // oxfmt-ignore
  if (requestsMax > 0n)
    parts.push(`with ${rangeText(formatCount(requestsMin), formatCount(requestsMax))} requests`);
  return parts.join(', ');
}

function rangeText(least: string, most: string): string {
  return least === most ? least : `${least} to ${most}`;
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
  if (progress.timeLeft !== undefined)
    parts.push(`about ${formatDuration(durationMs(progress.timeLeft))} left`);
  return parts.join(', ');
}

/** What every run has, and what few have only when there is any. */
function countsLine(progress: RunProgress): string {
  const { skippedItems, failedItems, movedItems, goneItems, recycledItems } = progress;
  const parts = [`${formatCount(skippedItems)} skipped`, `${formatCount(failedItems)} failed`];
  if (movedItems > 0n) parts.push(`${formatCount(movedItems)} moved`);
  if (goneItems > 0n) parts.push(`${formatCount(goneItems)} gone from the source`);
  if (recycledItems > 0n) parts.push(`${formatCount(recycledItems)} recycled`);
  return parts.join(', ');
}

// What could not be recycled counts as failed without having been planned, so the sum can pass what was planned.
function doneItems(progress: RunProgress): bigint {
  const done = plannedDone(progress) + progress.inFlightItems;
  return done < progress.plannedItems ? done : progress.plannedItems;
}

function doneBytes(progress: RunProgress): bigint {
  const done = progress.succeededBytes + progress.failedBytes + progress.inFlightBytes;
  return done < progress.plannedBytes ? done : progress.plannedBytes;
}
