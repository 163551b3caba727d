import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { RunRowSchema, type RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { ItemAction } from '../../gen/drover/v1/item_pb.ts';
import { GoneDecision, RunState } from '../../gen/drover/v1/run_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { askAboutGone, goneAction, goneQuestion, resumeWithDecision } from './gone-guard.ts';

const { RECYCLE, KEEP } = GonePolicy;
const { UNSPECIFIED, PENDING } = GoneDecision;

interface Case {
  policy?: GonePolicy;
  gone: number;
  all: number;
  itemsMax?: number;
  percentMax?: number;
  state?: RunState;
  decision?: GoneDecision;
}

/** A run that is about to begin with what is gone. */
function runWith(one: Case): RunRow {
  return create(RunRowSchema, {
    run: {
      name: 'tasks/a/runs/2',
      state: one.state ?? RunState.RUNNING,
      goneDecision: one.decision ?? UNSPECIFIED,
      progress: { scanComplete: true, goneItems: BigInt(one.gone) },
      settings: {
        gonePolicy: one.policy ?? RECYCLE,
        ...(one.itemsMax === undefined ? {} : { recycleItemsMax: one.itemsMax }),
        ...(one.percentMax === undefined ? {} : { recyclePercentMax: one.percentMax }),
      },
    },
    openGoneBatches: 1,
    ledgerItems: BigInt(one.all),
  });
}

const cases: [name: string, one: Case, asks: boolean][] = [
  ['few of many', { gone: 10, all: 100 }, false],
  ['more than ten percent', { gone: 11, all: 100 }, true],
  ['all of it, as of a share that is not mounted', { gone: 3, all: 3 }, true],
  ['a thousand of very many', { gone: 1000, all: 1_000_000 }, false],
  ['more than a thousand', { gone: 1001, all: 1_000_000 }, true],
  ['one, where it always asks', { gone: 1, all: 1_000_000, itemsMax: 0 }, true],
  ['none, where it always asks', { gone: 0, all: 10, itemsMax: 0 }, false],
  ['all, where all may be recycled', { gone: 3, all: 3, percentMax: 100 }, false],
  ['one, with no percent allowed', { gone: 1, all: 1_000_000, percentMax: 0 }, true],
  ['all, where it is kept', { gone: 3, all: 3, policy: KEEP }, false],
  ['all, when recycling was decided', { gone: 3, all: 3, decision: GoneDecision.RECYCLE }, false],
  ['all, when keeping was decided', { gone: 3, all: 3, decision: GoneDecision.KEEP }, false],
  ['all, in a run that is paused already', { gone: 3, all: 3, state: RunState.PAUSED }, true],
  ['all, in a run that is being cancelled', { gone: 3, all: 3, state: RunState.CANCELLING }, false],
];
for (const [name, one, asks] of cases)
  test(`a run asks before it recycles: ${name}`, (t) => {
    const row = runWith(one);
    askAboutGone(row);
    t.is(row.run!.goneDecision === PENDING, asks);
    t.is(row.run!.state, asks ? RunState.PAUSED : (one.state ?? RunState.RUNNING));
  });

test('it does not ask before its turn, nor when it only scans', (t) => {
  const early = runWith({ gone: 3, all: 3 });
  early.openTransferBatches = 1;
  const scanOnly = runWith({ gone: 3, all: 3 });
  scanOnly.run!.scanOnly = true;
  for (const row of [early, scanOnly]) {
    askAboutGone(row);
    t.is(row.run!.goneDecision, UNSPECIFIED);
  }
});

test('the question says how much it is, what is allowed and what to do', (t) => {
  t.is(
    goneQuestion(runWith({ gone: 1234, all: 5000 })),
    'a decision: 1,234 of 5,000 migrated items (24 %) are gone from the source, more than a run may recycle without asking (1,000 items or 10 %): resume the task with --gone recycle or --gone keep',
  );
  t.true(
    goneQuestion(runWith({ gone: 1, all: 3 })).includes('1 of 3 migrated items (33 %) is gone'),
  );
});

test('a decision is taken when it is asked for, and only then', (t) => {
  const asking = runWith({ gone: 3, all: 3, decision: PENDING });
  t.is(refusal(asking, UNSPECIFIED), `tasks/a/runs/2 waits for ${goneQuestion(asking)}`);
  t.is(refusal(asking, PENDING), `tasks/a/runs/2 waits for ${goneQuestion(asking)}`);
  t.is(goneAction(asking), ItemAction.RECYCLE);
  resumeWithDecision(asking, GoneDecision.KEEP);
  t.is(asking.run!.goneDecision, GoneDecision.KEEP);
  t.is(goneAction(asking), ItemAction.KEEP);
  t.regex(refusal(runWith({ gone: 1, all: 100 }), GoneDecision.KEEP), /does not ask/v);
  t.notThrows(() => resumeWithDecision(runWith({ gone: 1, all: 100 }), UNSPECIFIED));
  t.is(goneAction(runWith({ gone: 1, all: 100, policy: KEEP })), ItemAction.KEEP);
});

function refusal(row: RunRow, decision: GoneDecision): string {
  try {
    resumeWithDecision(row, decision);
  } catch (error) {
    if (error instanceof DroverError && error.reason === ErrorReason.WRONG_STATE)
      return error.message;
    throw error;
  }
  return 'not refused';
}
