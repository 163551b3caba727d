import test from 'ava';
import { countTap } from './tap.ts';

const output = `TAP version 13
ok 1 - a › skipped # SKIP
ok 2 - a › good
#   # pass 99
not ok 3 - a › bad # SKIP is part of its name
  ---
    name: AssertionError
    at: 'a.test.ts:1:2'
  ...
ok 4 - a › logs
not ok 5 - b.test.ts exited with a non-zero exit code: 1

1..4
# tests 3
# pass 2
# skip 1
# fail 2
`;

test('the summary is counted, not what a test logged', (t) => {
  const { passed, failed, skipped } = countTap(output);
  t.deepEqual({ passed, failed, skipped }, { passed: 2, failed: 2, skipped: 1 });
});

test('each failure comes with what is known about it', (t) => {
  const [first, second] = countTap(output).failures;
  t.true(first?.startsWith('not ok 3') && first.endsWith('...'));
  t.is(second, 'not ok 5 - b.test.ts exited with a non-zero exit code: 1');
});

test('a run that broke off counts nothing', (t) => {
  t.deepEqual(countTap('TAP version 13\n'), { passed: 0, failed: 0, skipped: 0, failures: [] });
});
