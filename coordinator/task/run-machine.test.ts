import { clone, create } from '@bufbuild/protobuf';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  LeaseState,
  RetryPositionSchema,
  RunRowSchema,
  type RunRow,
} from '../../gen/drover/store/v1/rows_pb.ts';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { BatchPhase } from '../../gen/drover/v1/session_pb.ts';
import { TaskSettingsSchema } from '../../gen/drover/v1/settings_pb.ts';
import { Code } from '../../gen/google/rpc/code_pb.ts';
import { DroverError } from '../../lib/error.ts';
import {
  leasablePhase,
  newRetry,
  newRun,
  stepRun,
  type PlannedPage,
  type RunEvent,
  type SweptLedger,
} from './run-machine.ts';

const key = { task: 'photos', run: 3 };
const { QUEUED, RUNNING, PAUSED, CANCELLING } = RunState;
const { SUCCEEDED, SUCCEEDED_WITH_FAILURES, FAILED, CANCELLED } = RunState;
const openStates = [QUEUED, RUNNING, PAUSED, CANCELLING];
const endStates = [SUCCEEDED, SUCCEEDED_WITH_FAILURES, FAILED, CANCELLED];
const states = [...openStates, ...endStates];

const page: PlannedPage = {
  page: 1n,
  lastPath: 'a/b',
  lastDestinationPath: 'a_/b',
  otherKindFolder: 'a',
  scannedItems: 7,
  scannedBytes: 700n,
  plannedItems: 4,
  plannedBytes: 400n,
  skippedItems: 2,
  failedItems: 1,
  batches: 3,
  openTransferBatches: 1,
  openLateBatches: 0,
  openFolderBatches: 1,
};
const outcome = {
  phase: BatchPhase.TRANSFER,
  succeededItems: 2,
  succeededBytes: 200n,
  skippedItems: 1,
  failedItems: 1,
  failedBytes: 100n,
  skippedBytes: 30n,
  movedItems: 1,
  recycledItems: 0,
  notGoneItems: 0,
};
const swept: SweptLedger = {
  sweptPath: 'a/b',
  unlistedPath: 'a/b',
  ledgerItems: 30,
  goneItems: 2,
  batches: 2,
  openGoneBatches: 2,
  waitingGoneBatches: 1,
  fillingGoneBatch: 4,
  fillingGoneFolderBatch: 5,
};

/** A run in a state, with its scan leased in generation 1 and two batches open in each phase. */
function runIn(state: RunState): RunRow {
  const fresh = newRun(key, create(TaskSettingsSchema), false, 1000);
  const row = stepRun(fresh, { kind: 'lease-scan', agent: 'one' }, 1000);
  row.run!.state = state;
  row.openTransferBatches = 2;
  row.openFolderBatches = 2;
  return row;
}

function reasonOf(act: () => unknown): ErrorReason | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof DroverError ? error.reason : ErrorReason.UNSPECIFIED;
  }
}

type Outcome = RunState | 'refused';
const same = (allowed: readonly RunState[]) =>
  new Map<RunState, Outcome>(
    states.map((state) => [state, allowed.includes(state) ? state : 'refused']),
  );
const to = (next: RunState, allowed: readonly RunState[]) =>
  new Map<RunState, Outcome>(
    states.map((state) => [state, allowed.includes(state) ? next : 'refused']),
  );

const table: [name: string, event: RunEvent, expected: Map<RunState, Outcome>][] = [
  ['pause', { kind: 'pause' }, to(PAUSED, [QUEUED, RUNNING])],
  ['resume', { kind: 'resume' }, to(QUEUED, [PAUSED])],
  ['cancel', { kind: 'cancel' }, to(CANCELLING, [QUEUED, RUNNING, PAUSED])],
  ['stopped', { kind: 'stopped' }, to(CANCELLED, [CANCELLING])],
  ['begin', { kind: 'begin' }, to(RUNNING, [QUEUED, RUNNING])],
  ['release-scan', { kind: 'release-scan', generation: 1 }, same(openStates)],
  ['plan-page', { kind: 'plan-page', planned: page }, same(openStates)],
  ['sweep', { kind: 'sweep', swept }, same(openStates)],
  ['not-gone', { kind: 'not-gone', items: 0 }, same(openStates)],
  ['begin-gone-folders', { kind: 'begin-gone-folders' }, same(openStates)],
  ['finish-scan', { kind: 'finish-scan', generation: 1 }, same(openStates)],
  [
    'fail',
    { kind: 'fail', reason: ErrorReason.SOURCE_NOT_FOUND, message: 'gone' },
    to(FAILED, openStates),
  ],
  ['finish-batch', { kind: 'finish-batch', outcome }, same(openStates)],
  ['split-batch', { kind: 'split-batch', phase: BatchPhase.TRANSFER }, same(openStates)],
];

for (const [name, event, expected] of table)
  test(`${name} in every state`, (t) => {
    for (const state of states) {
      const row = runIn(state);
      const before = clone(RunRowSchema, row);
      const label = `${name} in state ${state}`;
      const wanted = expected.get(state);
      if (wanted === 'refused')
        t.is(
          reasonOf(() => stepRun(row, event, 2000)),
          ErrorReason.WRONG_STATE,
          label,
        );
      else t.is(stepRun(row, event, 2000).run!.state, wanted!, label);
      t.deepEqual(row, before, `${label}: the row given is never changed`);
    }
  });

test('the scan is leased only while the run is going', (t) => {
  for (const state of states) {
    const row = runIn(state);
    row.scan!.lease!.state = LeaseState.PENDING;
    const act = () => stepRun(row, { kind: 'lease-scan', agent: 'two' }, 2000);
    if (state !== QUEUED && state !== RUNNING) {
      t.is(reasonOf(act), ErrorReason.WRONG_STATE, `state ${state}`);
      continue;
    }
    const { lease } = act().scan!;
    t.like(lease, { state: LeaseState.LEASED, agent: 'two', generation: 2 });
  }
});

test('an older generation of the scan is fenced off', (t) => {
  const row = runIn(RUNNING);
  for (const kind of ['release-scan', 'finish-scan'] as const)
    t.is(
      reasonOf(() => stepRun(row, { kind, generation: 2 }, 0)),
      ErrorReason.LEASE_LOST,
    );
  const free = stepRun(row, { kind: 'release-scan', generation: 1 }, 0);
  t.is(
    reasonOf(() => stepRun(free, { kind: 'release-scan', generation: 1 }, 0)),
    ErrorReason.LEASE_LOST,
  );
  t.is(
    reasonOf(() => stepRun(row, { kind: 'lease-scan', agent: 'two' }, 0)),
    ErrorReason.LEASE_LOST,
    'a scan that somebody works on is not free',
  );
});

test('a refused event names the run and the state it is in', (t) => {
  const error = t.throws(() => stepRun(runIn(SUCCEEDED_WITH_FAILURES), { kind: 'pause' }, 0));
  t.is(error?.message, 'tasks/photos/runs/3 cannot be paused: it is succeeded with failures');
});

test('a run that had begun is running again when it is resumed', (t) => {
  let row = newRun(key, create(TaskSettingsSchema), false, 1000);
  row = stepRun(row, { kind: 'begin' }, 2000);
  row = stepRun(row, { kind: 'begin' }, 9000);
  t.is(row.run!.startTime?.seconds, 2n, 'the first beginning counts');
  row = stepRun(row, { kind: 'pause' }, 3000);
  t.is(stepRun(row, { kind: 'resume' }, 4000).run!.state, RUNNING);
});

test('a page adds to every counter', (t) => {
  const row = stepRun(runIn(RUNNING), { kind: 'plan-page', planned: page }, 0);
  t.like(row, { batches: 3, openTransferBatches: 3, openFolderBatches: 3 });
  t.like(row.scan, { lastPage: 1n, lastPath: 'a/b', lastDestinationPath: 'a_/b' });
  t.like(row.run!.progress, {
    scannedItems: 7n,
    scannedBytes: 700n,
    plannedItems: 4n,
    plannedBytes: 400n,
    skippedItems: 2n,
    failedItems: 1n,
    succeededItems: 0n,
    failedBytes: 0n,
  });
});

test('a batch counts for its own phase', (t) => {
  const begun = stepRun(runIn(RUNNING), { kind: 'plan-page', planned: page }, 0);
  t.is(begun.openTransferBatches, 3);
  const transfer = stepRun(begun, { kind: 'finish-batch', outcome }, 0);
  t.like(transfer, { openTransferBatches: 2, openFolderBatches: 3 });
  t.like(transfer.run!.progress, {
    succeededItems: 2n,
    succeededBytes: 200n,
    skippedItems: 3n,
    failedItems: 2n,
    failedBytes: 100n,
    plannedBytes: 370n,
  });
  const folders = { ...outcome, phase: BatchPhase.FOLDERS };
  t.like(stepRun(runIn(RUNNING), { kind: 'finish-batch', outcome: folders }, 0), {
    openTransferBatches: 2,
    openFolderBatches: 1,
  });
});

test('what is gone is counted as the ledger is compared, and again when it turns out to be moved', (t) => {
  const row = stepRun(runIn(RUNNING), { kind: 'sweep', swept }, 0);
  t.like(row, {
    ledgerItems: 30n,
    batches: 2,
    openGoneBatches: 2,
    waitingGoneBatches: 1,
    fillingGoneBatch: 4,
    fillingGoneFolderBatch: 5,
  });
  t.like(row.scan, { sweptPath: 'a/b', unlistedPath: 'a/b' });
  t.is(row.run!.progress!.goneItems, 2n);
  const moved = stepRun(
    row,
    { kind: 'finish-batch', outcome: { ...outcome, skippedBytes: 0n, notGoneItems: 1 } },
    0,
  );
  t.like(moved.run!.progress, { goneItems: 1n, movedItems: 1n });
  const recycled = { ...outcome, phase: BatchPhase.GONE, skippedBytes: 0n, recycledItems: 1 };
  const done = stepRun(moved, { kind: 'finish-batch', outcome: recycled }, 0);
  t.like(done, { openGoneBatches: 1, waitingGoneBatches: 1, openTransferBatches: 1 });
  t.is(done.run!.progress!.recycledItems, 1n);
  t.is(stepRun(done, { kind: 'begin-gone-folders' }, 0).waitingGoneBatches, 0);
});

test('where a scan goes on, nothing is known of the folders above', (t) => {
  const row = runIn(RUNNING);
  row.scan!.lastPath = 'top/folder/file';
  const free = stepRun(row, { kind: 'release-scan', generation: 1 }, 0);
  t.is(free.scan!.unlistedPath, '');
  t.is(stepRun(free, { kind: 'lease-scan', agent: 'two' }, 0).scan!.unlistedPath, 'top');
});

test('a batch that is cut in two is one more, open in its phase', (t) => {
  const counts = (phase: BatchPhase) => {
    const { batches, openTransferBatches, openFolderBatches, openGoneBatches } = stepRun(runIn(RUNNING), { kind: 'split-batch', phase }, 0); // oxfmt-ignore
    return [batches, openTransferBatches, openFolderBatches, openGoneBatches];
  };
  t.deepEqual(counts(BatchPhase.TRANSFER), [1, 3, 2, 0]);
  t.deepEqual(counts(BatchPhase.FOLDERS), [1, 2, 3, 0]);
  t.deepEqual(counts(BatchPhase.GONE), [1, 2, 2, 1]);
});

const ends: [name: string, state: RunState, failedItems: bigint, end: RunState][] = [
  ['nothing failed', RUNNING, 0n, SUCCEEDED],
  ['something failed', RUNNING, 1n, SUCCEEDED_WITH_FAILURES],
  ['a paused run whose last results come in', PAUSED, 0n, SUCCEEDED],
  ['a run that is being cancelled waits for its leases', CANCELLING, 0n, CANCELLING],
];
for (const [name, state, failedItems, end] of ends)
  test(`the end of the scan ends a run without open batches: ${name}`, (t) => {
    const row = runIn(state);
    row.openTransferBatches = 0;
    row.openFolderBatches = 0;
    row.run!.progress!.failedItems = failedItems;
    const next = stepRun(row, { kind: 'finish-scan', generation: 1 }, 5000);
    t.is(next.run!.state, end);
    t.true(next.run!.progress!.scanComplete);
    t.is(next.run!.scanEndTime?.seconds, 5n);
    t.is(next.run!.endTime?.seconds, end === CANCELLING ? undefined : 5n);
  });

test('the last batch ends the run, in whichever phase, but only after the scan', (t) => {
  const clean = { ...outcome, failedItems: 0, failedBytes: 0n };
  for (const phase of [BatchPhase.TRANSFER, BatchPhase.FOLDERS]) {
    const row = runIn(RUNNING);
    row.openTransferBatches = phase === BatchPhase.TRANSFER ? 1 : 0;
    row.openFolderBatches = phase === BatchPhase.FOLDERS ? 1 : 0;
    const event: RunEvent = { kind: 'finish-batch', outcome: { ...clean, phase } };
    t.is(stepRun(row, event, 0).run!.state, RUNNING, 'the scan is still going');
    row.run!.progress!.scanComplete = true;
    t.is(stepRun(row, event, 0).run!.state, SUCCEEDED);
  }
});

test('a failure is kept with its reason, its code and its words', (t) => {
  const reason = ErrorReason.SOURCE_ACCESS_DENIED;
  const { run } = stepRun(runIn(RUNNING), { kind: 'fail', reason, message: 'no right' }, 7000);
  t.is(run!.errorReason, reason);
  t.like(run!.error, { code: Code.PERMISSION_DENIED, message: 'no right' });
  t.is(run!.endTime?.seconds, 7n);
});

const phases: [
  name: string,
  transfer: number,
  folders: number,
  scanComplete: boolean,
  scanOnly: boolean,
  phase: BatchPhase | undefined,
][] = [
  ['transfer while the scan is going', 1, 1, false, false, BatchPhase.TRANSFER],
  ['no folders while the scan is going', 0, 1, false, false, undefined],
  ['no folders while a transfer batch is open', 1, 1, true, false, BatchPhase.TRANSFER],
  ['folders when all is written', 0, 1, true, false, BatchPhase.FOLDERS],
  ['nothing left', 0, 0, true, false, undefined],
  ['nothing in a run that only scans', 1, 1, true, true, undefined],
];
for (const [name, transfer, folders, scanComplete, scanOnly, phase] of phases)
  test(`leasable phase: ${name}`, (t) => {
    const row = runIn(RUNNING);
    row.openTransferBatches = transfer;
    row.openFolderBatches = folders;
    row.run!.scanOnly = scanOnly;
    row.run!.progress!.scanComplete = scanComplete;
    t.is(leasablePhase(row), phase);
  });

test('what is late comes after what is gone, and before the folders', (t) => {
  const late = {
    ...page,
    batches: 1,
    openTransferBatches: 0,
    openFolderBatches: 1,
    openLateBatches: 1,
  };
  const row = stepRun(newRun(key, create(TaskSettingsSchema), false, 0), { kind: 'plan-page', planned: late }, 0); // oxfmt-ignore
  row.run!.state = RUNNING;
  t.is(leasablePhase(row), undefined, 'more may come that is moved');
  row.run!.progress!.scanComplete = true;
  row.openGoneBatches = 1;
  t.is(leasablePhase(row), BatchPhase.GONE);
  row.openGoneBatches = 0;
  t.is(leasablePhase(row), BatchPhase.LATE);
  const folders = stepRun(row, { kind: 'finish-batch', outcome: { ...outcome, phase: BatchPhase.FOLDERS } }, 0); // oxfmt-ignore
  t.is(folders.run!.state, RUNNING, 'it does not end while something is late');
  const done = stepRun(row, { kind: 'finish-batch', outcome: { ...outcome, phase: BatchPhase.LATE } }, 0); // oxfmt-ignore
  t.is(leasablePhase(done), BatchPhase.FOLDERS);
});

test('what is gone comes after all that is written, and before the folders', (t) => {
  const row = runIn(RUNNING);
  row.openGoneBatches = 1;
  t.is(leasablePhase(row), BatchPhase.TRANSFER);
  row.openTransferBatches = 0;
  t.is(leasablePhase(row), undefined);
  row.run!.progress!.scanComplete = true;
  t.is(leasablePhase(row), BatchPhase.GONE);
  row.openGoneBatches = 0;
  t.is(leasablePhase(row), BatchPhase.FOLDERS);
});

test('a run that tries again is scanned piece by piece, each by whoever is free', (t) => {
  const position = { batch: 1, folderBatch: 1 };
  const settings = create(TaskSettingsSchema);
  const begin = create(RetryPositionSchema, position);
  let row = newRetry({ task: 'a', run: 3 }, { settings, retried: 1, position: begin }, 1000);
  t.is(row.run!.retriedRun, 'tasks/a/runs/1');
  row = stepRun(row, { kind: 'begin' }, 0);
  const piece = (afterPath: string, complete: boolean) =>
    create(RetryPositionSchema, { ...position, afterPath, complete });
  row = stepRun(row, { kind: 'lease-scan', agent: 'one', until: piece('m', false) }, 0);
  row = stepRun(row, { kind: 'release-scan', generation: 1 }, 0);
  t.is(row.scan!.retry!.position!.afterPath, '', 'a piece that was broken off is done again');
  row = stepRun(row, { kind: 'lease-scan', agent: 'two', until: piece('n', false) }, 0);
  row = stepRun(row, { kind: 'finish-scan', generation: 2 }, 0);
  t.is(row.scan!.lease!.state, LeaseState.PENDING);
  t.is(row.scan!.retry!.position!.afterPath, 'n');
  t.false(row.run!.progress!.scanComplete);
  t.is(row.run!.state, RUNNING);
  row = stepRun(row, { kind: 'lease-scan', agent: 'two', until: piece('z', true) }, 0);
  row = stepRun(row, { kind: 'finish-scan', generation: 3 }, 0);
  t.true(row.run!.progress!.scanComplete);
  t.is(row.run!.state, SUCCEEDED);
});

test('files are opened only by a run that reads none', (t) => {
  const settings = create(TaskSettingsSchema, { tryReading: true, maxAttempts: 2 });
  const settingsOf = (scanOnly: boolean) => newRun(key, settings, scanOnly, 0).run!.settings;
  t.true(settingsOf(true)!.tryReading);
  t.like(settingsOf(false), { tryReading: false, maxAttempts: 2 });
  t.true(settings.tryReading, 'the settings themselves are left alone');
});
