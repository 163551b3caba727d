// A plan that somebody else has to approve, with real processes and the command line: read, approved after the coordinator was killed and
// the source has changed, done, and compared with what was planned.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { DeviationKind } from '../gen/drover/v1/item_pb.ts';
import { ApprovalDecision, RunState } from '../gen/drover/v1/run_pb.ts';
import { runProgram } from '../scripts/program.ts';
import { temporaryFolder } from './harness/folders.ts';
import { stackOf } from './harness/stack.ts';
import { makeTree } from './harness/tree.ts';

const root = path.dirname(import.meta.dirname);

test('a plan is approved by another person, through a killed coordinator, and what became otherwise is told', async (t) => {
  t.timeout(240_000);
  const folder = await temporaryFolder(t);
  const source = path.join(folder, 'source');
  const destination = path.join(folder, 'destination');
  await makeTree(source, { 'a.txt': 'one', docs: { 'b.txt': 'two', 'c.txt': 'three' } });
  const coordinatorArguments = ['--lease-ttl', '3', '--heartbeat-interval', '1'];
  const stack = await stackOf(t, { folder: path.join(folder, 'stack'), coordinatorArguments });
  await stack.startAgent();
  const { data } = stack.coordinator.ready;
  await mkdir(path.join(folder, 'tokens'));
  const drover = (...words: string[]) => {
    const program = [path.join(root, 'admin', 'cli', 'main.ts'), ...words, '--data', data];
    return runProgram(process.execPath, program, { folder: root, timeoutMs: 60_000 });
  };
  /** The command line of an operator with a token of his own. */
  const operator = async (name: string) => {
    const made = await drover('access-tokens', 'create', '--display-name', name, '--role', 'operator', '--output', 'json'); // oxfmt-ignore
    const file = path.join(folder, 'tokens', name);
    await writeFile(file, (JSON.parse(made.stdout) as { token: string }).token, { mode: 0o600 });
    return (...words: string[]) => drover(...words, '--token-file', file);
  };
  const [ann, bob] = [await operator('ann'), await operator('bob')];
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href });
  const started = await ann('tasks', 'run', task, '--require-approval');
  t.is(started.status, 0, started.all);
  const plan = await stack.until(task, ({ state }) => state === RunState.AWAITING_APPROVAL);
  t.is(plan.estimate!.uploadedFiles, 3n);

  await stack.coordinator.kill();
  await stack.startCoordinator();
  t.false(existsSync(destination), 'nothing was written');
  await writeFile(path.join(source, 'a.txt'), 'one, and more');
  await rm(path.join(source, 'docs', 'c.txt'));

  const verified = await bob('runs', 'verify-plan', task, '--plan-digest', plan.planDigest);
  t.is(verified.status, 0, verified.all);
  t.regex(verified.stdout, /made anew of the 4 items that are listed/);
  const own = await ann('runs', 'approve', plan.name);
  t.not(own.status, 0);
  t.regex(own.all, /another operator, or an administrator, has to approve it/);
  const other = await bob('runs', 'approve', plan.name, '--plan-digest', '0'.repeat(64));
  t.not(other.status, 0);
  t.regex(other.all, new RegExp(plan.planDigest));
  const approved = await bob('runs', 'approve', plan.name, '--plan-digest', plan.planDigest, '--comment', 'fine'); // oxfmt-ignore
  t.is(approved.status, 0, approved.all);

  const run = await stack.untilEnded(task);
  t.is(run.state, RunState.SUCCEEDED_WITH_FAILURES);
  t.is(run.approval!.comment, 'fine');
  t.is(run.approval!.planDigest, run.planDigest);
  t.is(run.progress!.deviatingItems, 2n);
  const { deviations } = await stack.api.items.listDeviations({ parent: run.name });
  t.deepEqual(
    deviations.map(({ item, kind }) => [item!.path, kind]),
    [
      ['a.txt', DeviationKind.SOURCE_CHANGED],
      ['docs/c.txt', DeviationKind.SOURCE_VANISHED],
    ],
  );
  const shown = await ann('items', 'list-deviations', run.name);
  t.regex(shown.stdout, /a\.txt +source changed +write it as "a\.txt", 3 bytes, modified /);
  t.is(await readFile(path.join(destination, 'a.txt'), 'utf8'), 'one, and more');

  // From then on nothing changes.
  await stack.runToEnd(task);
  const again = await ann('tasks', 'run', task, '--require-approval');
  t.is(again.status, 0, again.all);
  const { name, approval, state } = await stack.untilEnded(task);
  t.is(state, RunState.SUCCEEDED);
  t.is(approval!.decision, ApprovalDecision.NOT_NEEDED);
  const told = await ann('runs', 'get', name);
  t.regex(
    told.stdout,
    /nothing to approve: nothing has changed; of 1 folder only the dates may be set again/,
  );
});
