import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import {
  ExplainItemResponseSchema,
  ItemAction,
  ItemSighting,
  ItemState,
} from '../../gen/drover/v1/item_pb.ts';
import { RunState } from '../../gen/drover/v1/run_pb.ts';
import { displayWidth } from '../../lib/format.ts';
import { recordLines } from './record-view.ts';
import { leadingColumns } from './special-views.ts';

const explained = create(ExplainItemResponseSchema, {
  summary: 'it is there',
  runs: [
    {
      run: 'tasks/photos/runs/12',
      runState: RunState.SUCCEEDED_WITH_FAILURES,
      sighting: ItemSighting.FOUND,
      item: {
        path: 'a.txt',
        action: ItemAction.UPDATE,
        state: ItemState.FAILED,
        reason: ErrorReason.DESTINATION_CONFLICT,
        message: 'somebody changed it at the destination',
      },
    },
    {
      run: 'tasks/photos/runs/11',
      runState: RunState.SUCCEEDED,
      sighting: ItemSighting.NOT_AT_SOURCE,
    },
  ],
});

const linesAt = (width: number | undefined) =>
  recordLines(ExplainItemResponseSchema, explained, { width, leading: leadingColumns });

test('a list in a resource is a table of what matters of it', (t) => {
  t.deepEqual(linesAt(undefined), [
    'summary  it is there',
    'runs',
    '  RUN                   SIGHTING       ACTION  STATE   REASON                MESSAGE                                 RUN STATE',
    '  tasks/photos/runs/12  found          update  failed  destination conflict  somebody changed it at the destination  succeeded with failures',
    '  tasks/photos/runs/11  not at source                                                                                succeeded',
  ]);
});

test('on a terminal a list in a resource is as wide as that, and its message is cut', (t) => {
  t.deepEqual(linesAt(110).slice(2, 4), [
    '  RUN                   SIGHTING       ACTION  STATE   REASON                MESSAGE',
    '  tasks/photos/runs/12  found          update  failed  destination conflict  somebody changed it at the desti…',
  ]);
  for (let width = 40; width < 160; width += 1)
    for (const line of linesAt(width)) t.true(displayWidth(line) <= width, `${width}: ${line}`);
});

test('a list of messages that nothing is known of shows what fits', (t) => {
  const lines = recordLines(ExplainItemResponseSchema, explained, { width: 80, leading: {} });
  t.deepEqual(lines.slice(2), [
    '  RUN                   RUN STATE                SIGHTING',
    '  tasks/photos/runs/12  succeeded with failures  found',
    '  tasks/photos/runs/11  succeeded                not at source',
  ]);
});
