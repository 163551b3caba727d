import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectRouter } from '@connectrpc/connect';
import test from 'ava';
import { ItemAction, ItemKind, ItemSchema, ItemService } from '../../gen/drover/v1/item_pb.ts';
import { ApprovalDecision, RunService, RunState, type RunSchema } from '../../gen/drover/v1/run_pb.ts'; // oxfmt-ignore
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { makeDigest } from '../plan/make-digest.ts';
import { startTestCoordinator } from './test-coordinator.ts';

const name = 'tasks/photos/runs/3';
const items = ['b', 'a/c', 'a', 'a b'].map((path) => create(ItemSchema, { path, kind: ItemKind.FILE, action: ItemAction.CREATE, size: 5n })); // oxfmt-ignore
const { digest } = await makeDigest(
  (async function* () {
    yield* items;
  })(),
);
const planned = { name, state: RunState.AWAITING_APPROVAL, planDigest: digest };

type Given = MessageInitShape<typeof RunSchema>;

/** A coordinator whose one run is as given, at each time it is asked for. */
function startWith(...runs: Given[]) {
  let asked = 0;
  return startTestCoordinator((router: ConnectRouter) => {
    router.service(RunService, {
      getRun: (request) => ({ run: { ...runs[Math.min(asked++, runs.length - 1)]!, name: request.name } }), // oxfmt-ignore
    });
    router.service(TaskService, {
      getTask: (request) => ({ task: { name: request.name, latestRun: request.name === 'tasks/photos' ? name : '' } }), // oxfmt-ignore
    });
    router.service(ItemService, {
      // Two pages, so that a plan is more than one.
      listItems: ({ parent, pageToken }) =>
        parent !== name ? {} : pageToken === '' ? { items: items.slice(0, 3), nextPageToken: 'rest' } : { items: items.slice(3) }, // oxfmt-ignore
    });
  });
}

test('the plan that is listed is the one of the digest, of a run or of the latest run of a task', async (t) => {
  await using coordinator = await startWith(planned);
  for (const given of ['photos/3', name, 'photos', 'tasks/photos']) {
    const { status, stdout, stderr } = await coordinator.drover(['runs', 'verify-plan', given]);
    t.deepEqual([status, stderr], [0, ''], given);
    t.is(stdout, `The plan of ${name} has this digest, made anew of the 4 items that are listed:\n  ${digest}\n`); // oxfmt-ignore
  }
  const upper = digest.toUpperCase();
  const json = await coordinator.drover(['runs', 'verify-plan', 'photos/3', '--plan-digest', upper, '--output', 'json']); // oxfmt-ignore
  t.is(json.status, 0);
  t.deepEqual(JSON.parse(json.stdout), { verified: true, run: name, items: 4, digest, planDigest: digest, expected: digest }); // oxfmt-ignore
});

test('another plan is told with both digests', async (t) => {
  const other = 'ab'.repeat(32);
  await using lying = await startWith({ ...planned, planDigest: other });
  const told = await lying.drover(['runs', 'verify-plan', 'photos/3']);
  t.is(told.status, 1);
  t.is(told.stdout, `NOT THIS PLAN: the 4 items of ${name} that are listed make\n  ${digest}\nThe run says that its plan has\n  ${other}\n`); // oxfmt-ignore
  await using honest = await startWith(planned);
  const changed = await honest.drover(['runs', 'verify-plan', 'photos/3', '--plan-digest', other]);
  t.is(changed.status, 1);
  t.is(changed.stdout, `NOT THIS PLAN: the 4 items of ${name} that are listed make\n  ${digest}\nand the digest that was given is\n  ${other}\n`); // oxfmt-ignore
});

const approved = { decision: ApprovalDecision.APPROVED };
const refusals: [what: string, runs: Given[], words: RegExp][] = [
  ['no digest', [{ state: RunState.SUCCEEDED }], /has no digest; only a run that only plans/],
  ['a scan that goes on', [{ scanOnly: true, state: RunState.RUNNING }], /its scan is not complete/], // oxfmt-ignore
  ['an approval', [{ ...planned, approval: approved }], /was approved, so that its items/],
  ['nothing to approve', [{ ...planned, approval: { decision: ApprovalDecision.NOT_NEEDED } }], /needed no approval, so that its items/], // oxfmt-ignore
  ['an approval meanwhile', [planned, { ...planned, approval: approved }], /was approved/],
  ['another plan meanwhile', [planned, { ...planned, planDigest: 'cd'.repeat(32) }], /was planned anew while it was read/], // oxfmt-ignore
];
for (const [what, runs, words] of refusals)
  test(`nothing is verified of a run with ${what}`, async (t) => {
    await using coordinator = await startWith(...runs);
    const { status, stdout, stderr } = await coordinator.drover(['runs', 'verify-plan', 'photos/3']); // oxfmt-ignore
    t.deepEqual([status, stdout], [5, '']);
    t.regex(stderr, words);
  });

test('what cannot be is refused before anything is asked', async (t) => {
  await using coordinator = await startWith(planned);
  const wrong = await coordinator.drover(['runs', 'verify-plan', 'photos/3', '--plan-digest', '5f1c']); // oxfmt-ignore
  t.deepEqual([wrong.status, wrong.stdout], [2, '']);
  t.regex(wrong.stderr, /--plan-digest: must be 64 hexadecimal digits/);
  t.is((await coordinator.drover(['runs', 'verify-plan'])).status, 2);
  const never = await coordinator.drover(['runs', 'verify-plan', 'music']);
  t.is(never.status, 5);
  t.regex(never.stderr, /tasks\/music was never run; plan it with drover runs plan/);
});
