import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import {
  agentName,
  batchLeaseId,
  checkId,
  parseAgentName,
  parseLeaseId,
  parseRunName,
  parseRunOrTaskName,
  parseTaskName,
  runName,
  scanLeaseId,
  taskName,
} from './names.ts';

const goodIds = ['a', 'a1', 'photos', 'old-photos-2', `a${'b'.repeat(61)}c`];
const badIds = ['', 'A', '1a', '-a', 'a-', 'a_b', 'a/b', 'a!b', 'ä', 'a b', 'a\n', 'a'.repeat(64)];

test('ids that people may choose', (t) => {
  for (const id of goodIds) t.is(checkId(id, 'task_id'), id);
  for (const id of badIds) {
    const error = t.throws(() => checkId(id, 'task_id'), { instanceOf: DroverError }, id);
    t.is(error?.reason, ErrorReason.INVALID_ARGUMENT);
    t.is(error?.violations[0]?.field, 'task_id');
  }
});

test('names are made and taken apart again', (t) => {
  for (const task of goodIds) {
    const run = { task, run: 12 };
    const batch = { ...run, batch: 999_999_999 };
    t.is(parseTaskName(taskName(task), 'name'), task);
    t.is(parseAgentName(agentName(task), 'name'), task);
    t.deepEqual(parseRunName(runName(run), 'name'), run);
    t.deepEqual(parseRunOrTaskName(runName(run), 'name'), run);
    t.deepEqual(parseRunOrTaskName(taskName(task), 'name'), { task, run: undefined });
    t.deepEqual(parseLeaseId(scanLeaseId(run)), { kind: 'scan', run });
    t.deepEqual(parseLeaseId(batchLeaseId(batch)), { kind: 'batch', batch });
  }
  t.is(batchLeaseId({ task: 'a', run: 1, batch: 2 }), 'tasks/a/runs/1/batches/2');
  t.is(scanLeaseId({ task: 'a', run: 1 }), 'tasks/a/runs/1/scan');
});

const bad: [parse: (text: string, field: string) => unknown, names: string[]][] = [
  [
    parseTaskName,
    ['', 'a', 'tasks', 'tasks/', 'tasks/A', 'tasks/a/', 'tasks/a/runs/1', 'agents/a'],
  ],
  [parseAgentName, ['', 'agents', 'agents/', 'agents/A', 'agents/a/b', 'tasks/a']],
  [
    parseRunName,
    ['', 'tasks/a', 'tasks/a/runs', 'tasks/a/runs/', 'tasks/a/runs/0', 'tasks/a/runs/01', 'tasks/a/runs/-1', 'tasks/a/runs/1.5', 'tasks/a/runs/1e3', 'tasks/a/runs/1234567890', 'tasks/A/runs/1', 'tasks/a/runs/1/', 'tasks/a/runs/1/scan'], // oxfmt-ignore
  ],
];
test('what is no name is refused, with the field', (t) => {
  for (const [parse, names] of bad)
    for (const name of names) {
      const error = t.throws(() => parse(name, 'parent'), { instanceOf: DroverError }, name);
      t.is(error?.reason, ErrorReason.INVALID_ARGUMENT);
      t.is(error?.violations[0]?.field, 'parent');
    }
});

test('what is no lease id is a lost lease', (t) => {
  const ids = ['', 'x', 'tasks/a/runs/1', 'tasks/a/runs/1/', 'tasks/a/runs/0/scan', 'tasks/a/runs/1/scan/', 'tasks/a/runs/1/scan/1', 'tasks/a/runs/1/scan//x', 'tasks/a/runs/1/batches', 'tasks/a/runs/1/batches/0', 'tasks/a/runs/1/batches/1/2', 'tasks/a/runs/1/other/1', 'tasks/A/runs/1/scan']; // oxfmt-ignore
  for (const id of ids) {
    const error = t.throws(() => parseLeaseId(id), { instanceOf: DroverError }, id);
    t.is(error?.reason, ErrorReason.LEASE_LOST, id);
  }
});
