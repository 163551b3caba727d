import { create, type MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import { GoneDecision, RunSchema, RunState, type Run } from '../gen/drover/v1/run_pb.ts';
import { displayWidth } from './format.ts';
import { percentage, progressLine, renderProgress } from './progress-view.ts';

const gib = 2n ** 30n;

function runWith(fields: MessageInitShape<typeof RunSchema>): Run {
  return create(RunSchema, { name: 'tasks/photos/runs/1', state: RunState.RUNNING, ...fields });
}

const half = {
  scannedItems: 27_003n,
  scannedBytes: 3n * gib,
  plannedItems: 27_000n,
  plannedBytes: 2n * gib,
  succeededItems: 13_000n,
  failedItems: 500n,
  succeededBytes: gib,
  bytesPerSecond: 50_000_000n,
  itemsPerSecond: 1234.5,
  skippedItems: 3n,
};

test('a run whose scan is complete has a bar, speed and counts', (t) => {
  const run = runWith({
    progress: { ...half, scanComplete: true, timeLeft: { seconds: 125n, nanos: 0 } },
  });
  t.deepEqual(renderProgress(run, 80), [
    'tasks/photos/runs/1  running',
    '███████████████░░░░░░░░░░░░░░░  50%  13,500 of 27,000 items, 1.0 GiB of 2.0 GiB',
    '47.7 MiB/s, 1,235 items/s, about 2 min 05 s left',
    '3 skipped, 500 failed',
  ]);
});

test('no percentage before the scan is complete, and a time left only when there is an estimate', (t) => {
  const early = runWith({ progress: { ...half, timeLeft: { seconds: 5n, nanos: 0 } } });
  t.regex(renderProgress(early, 100).join('\n'), /about 5.0 s left/);
  const run = runWith({ progress: half });
  const text = renderProgress(run, 100).join('\n');
  t.notRegex(text, /%|left|█/);
  t.regex(text, /scanning: 27,003 items, 3.0 GiB found so far; 13,500 items, 1.0 GiB done/);
  t.notRegex(progressLine(run), /%|left/);
});

test('what was planned and is skipped, as a folder that is as it should be, is done', (t) => {
  const counts = { scannedItems: 42n, plannedItems: 2n, succeededItems: 1n, skippedItems: 41n };
  const run = runWith({ state: RunState.SUCCEEDED, progress: { ...counts, scanComplete: true } });
  t.regex(progressLine(run), /100%, 2 of 2 items/);
});

test('a run that still goes never shows 100%, one that succeeded always does', (t) => {
  const progress = {
    ...half,
    scanComplete: true,
    succeededItems: 27_000n,
    succeededBytes: 2n * gib,
  };
  const going = runWith({ progress });
  t.is(percentage(going, going.progress!), 99);
  const empty = runWith({ state: RunState.SUCCEEDED, progress: { scanComplete: true } });
  t.is(percentage(empty, empty.progress!), 100);
});

test('an ended run says how long it took and why it failed', (t) => {
  const run = runWith({
    state: RunState.FAILED,
    progress: {},
    startTime: { seconds: 100n, nanos: 0 },
    endTime: { seconds: 285n, nanos: 0 },
    error: { code: 5, message: 'the source /srv/\x1b[31m is gone' },
  });
  const lines = renderProgress(run, 80);
  t.true(lines.includes('took 3 min 05 s'));
  t.is(lines.at(-1), 'the source /srv/\\x1b[31m is gone');
});

test('what was moved, is gone and was recycled is counted when there is any', (t) => {
  const progress = { ...half, movedItems: 3n, goneItems: 1200n, recycledItems: 7n };
  const run = runWith({ progress });
  const counts = '3 skipped, 500 failed, 3 moved, 1,200 gone from the source, 7 recycled';
  t.is(renderProgress(run, 80).at(-1), counts);
  t.true(progressLine(run).endsWith(counts));
  t.is(renderProgress(runWith({ progress: half }), 80).at(-1), '3 skipped, 500 failed');
});

test('a run that asks says what, and what to type, also on a narrow terminal', (t) => {
  const waitingFor =
    'a decision: 112 of 206 migrated items (54 %) are gone from the source, more than a run may recycle without asking (1,000 items or 10 %): resume the task with --gone recycle or --gone keep';
  const run = runWith({ state: RunState.PAUSED, goneDecision: GoneDecision.PENDING, waitingFor });
  t.deepEqual(renderProgress(run, 79), [
    'tasks/photos/runs/1  paused',
    'waits for a decision: 112 of 206 migrated items (54 %) are gone from the',
    'source, more than a run may recycle without asking (1,000 items or 10 %):',
    'resume the task with --gone recycle or --gone keep',
    '  drover tasks resume photos --gone recycle',
    '  drover tasks resume photos --gone keep',
  ]);
  for (let width = 14; width < 200; width += 1) {
    const text = renderProgress(run, width).map((line) => line.trim()).join(' '); // oxfmt-ignore
    t.true(text.includes('drover tasks resume photos --gone keep'), `${width}`);
    if (width > 30) t.true(text.includes(waitingFor), `${width}`);
  }
  const decided = runWith({ state: RunState.RUNNING, goneDecision: GoneDecision.RECYCLE });
  t.is(renderProgress(decided, 79).length, 1);
});

test('a plan that waits for approval is shown with what it costs, and what to type', (t) => {
  const waitingFor = 'approval of its plan: to write 27,000 items, 2.0 GiB';
  const estimate = {
    timeMin: { seconds: 600n, nanos: 0 },
    timeMax: { seconds: 1800n, nanos: 0 },
    requestsMin: 54_000n,
    requestsMax: 54_400n,
  };
  const progress = { scanComplete: true, plannedItems: 27_000n, plannedBytes: 2n * gib };
  const run = runWith({ state: RunState.AWAITING_APPROVAL, waitingFor, progress, estimate });
  t.deepEqual(renderProgress(run, 120), [
    'tasks/photos/runs/1  awaiting approval, waits for approval of its plan: to write 27,000 items, 2.0 GiB',
    '  drover runs approve tasks/photos/runs/1',
    '  drover runs reject tasks/photos/runs/1 --comment WHY',
    'scanned; a run would write 27,000 items, 2.0 GiB, in 10 min 00 s to 30 min 00 s, with 54,000 to 54,400 requests',
    '0 skipped, 0 failed',
  ]);
  run.goneDecision = GoneDecision.PENDING;
  t.true(
    renderProgress(run, 120).includes('  drover runs approve tasks/photos/runs/1 --gone recycle'),
  );
  const only = runWith({ state: RunState.SUCCEEDED, scanOnly: true, progress });
  t.true(renderProgress(only, 120).includes('scanned; a run would write 27,000 items, 2.0 GiB'));
});

test('a short reason to wait stands beside the state, a long one and an error take lines', (t) => {
  const waiting = runWith({ waitingFor: 'an agent: none is attached' });
  t.is(renderProgress(waiting, 80)[0], 'tasks/photos/runs/1  running, waits for an agent: none is attached'); // oxfmt-ignore
  const message = 'the source /srv/share cannot be read: somebody has to say why that is';
  const failed = runWith({ state: RunState.FAILED, error: { code: 5, message } });
  t.is(renderProgress(failed, 30).slice(1).join(' '), message);
});

test('no line is wider than asked for', (t) => {
  const run = runWith({ progress: { ...half, scanComplete: true } });
  for (let width = 1; width < 120; width += 1)
    for (const line of renderProgress(run, width)) t.true(displayWidth(line) <= width);
});
