// Runs of a task whose source is renamed, moved, deleted, linked and closed by chance, also while it is being migrated. Nothing that the
// source has is ever lost at the destination, and in the end both are the same. In some of them most runs wait for an approval, and are approved or
// rejected, while the source changes and the coordinator is restarted. A failure names its seed: put it into the lists below.
//
// DROVER_SIMULATION_SEEDS=1000 plays the seeds 1 to 1000 of each kind.
import { env } from 'node:process';
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import { GonePolicy } from '../../gen/drover/v1/settings_pb.ts';
import { RunTally } from '../store/check-run.ts';
import { isRunOpen } from '../task/run-states.ts';
import { numbersOf, type Below } from '../store/testing/random.ts';
import { checkDone, decide } from './testing/approval-play.ts';
import { openNamedTask, phasesInOrder, type NamedTask } from './testing/named-task.ts';
import { SourceModel } from './testing/source-model.ts';

/** Seeds, with whether runs have to be approved. */
type Game = readonly [seed: number, isApproved: boolean];

const more = Array.from({ length: Number(env['DROVER_SIMULATION_SEEDS'] ?? 0) }, (_, index) => index + 1).flatMap((seed): Game[] => [[seed, false], [seed, true]]); // oxfmt-ignore
const games: readonly Game[] = more.length > 0 ? more : [[1, true], [2, true], [7, false], [100, false], [125, false], [129, false], [149, false]]; // oxfmt-ignore
const foldedGames: readonly Game[] = more.length > 0 ? more : [[276, false], [2, true], [11, true], [42, true], [66, true]]; // oxfmt-ignore
const runs = 14;

interface RunPlan {
  gonePolicy: GonePolicy;
  /** How many of a hundred items fail. */
  failsOf: number;
  /** Called before each batch. */
  meanwhile: () => void;
  /** What decides about the run's plan, where it has to be approved. */
  approval: Below | undefined;
}

/** Answers whether the run was done: a plan may be rejected. `told` are the paths of which a run has said that they are gone and kept, and that no scan has found since; it is kept up to date. */
async function runOnce(
  t: ExecutionContext,
  task: NamedTask,
  model: SourceModel,
  plan: RunPlan,
  told: Set<string>,
): Promise<boolean> {
  // oxfmt-ignore
  const pages = model.pages();
  const found = new Set(pages.flat().map(({ path }) => path));
  for (const path of found) told.delete(path);
  const { gonePolicy, approval } = plan;
  const words = `run ${task.key.run + 1}`;
  const settings = { requireApproval: true, recyclePercentMax: approval?.(2) === 0 ? 5 : 100 };
  const asks = approval === undefined ? {} : { restarts: approval(4) === 0, settings };
  await task.scan(pages, { gonePolicy, ...asks });
  const decision =
    approval &&
    (await decide(t, { task, model, below: approval, told: words, meanwhile: plan.meanwhile }));
  if (decision?.isApproved === false) return false;
  for (const phase of phasesInOrder) {
    for (;;) {
      plan.meanwhile();
      if (!(await task.work(phase, (results, items) => model.work(phase, results, items, plan.failsOf)))) break; // oxfmt-ignore
    }
  }
  for (const { path, reason } of await task.items()) {
    if (reason !== ErrorReason.SOURCE_GONE || found.has(path)) continue;
    // Who was asked about it hears of it again.
    if (decision?.isAsked !== true) t.false(told.has(path), `${path} is told of once`);
    told.add(path);
  }
  if (decision) await checkDone(t, { task, model, told: words, planned: decision.planned });
  return true;
}

/** What the ledger says of each path that the source has now and a run did not fail with is what stands at the destination. */
async function checkKept(t: ExecutionContext, task: NamedTask, model: SourceModel, told: string) {
  const failures = (await task.items()).filter(({ state }) => state === ItemState.FAILED);
  const failed = new Set(failures.map(({ path }) => path));
  const held = failures.filter(({ reason }) => reason === ErrorReason.SOURCE_CHANGED);
  t.deepEqual(held.map(({ path }) => path), [], `${told}: nothing waits for the next run`); // oxfmt-ignore
  for (const [path, node] of model.source) {
    if (failed.has(path) || model.isHidden(path)) continue;
    const [row] = await task.store.ledgerRows('a', [path]);
    const standing = model.standing(row?.destinationPath || path);
    if (node.isFolder) t.is(standing?.modifiedNs, node.modifiedNs, `${told}: the date of ${path}`);
    else t.is(standing?.content, node.content, `${told}: ${path}`);
  }
}

/** Every row of the ledger has its item at the destination, and the counters add up. */
async function checkCounts(t: ExecutionContext, task: NamedTask, model: SourceModel, told: string) {
  const { run, openGoneBatches, waitingGoneBatches } = (await task.store.run(task.key))!;
  t.false(isRunOpen(run!.state), `${told}: it has ended`);
  t.deepEqual([openGoneBatches, waitingGoneBatches], [0, 0]);
  const tally = new RunTally((await task.store.run(task.key))!);
  const wrong = (await task.batches()).flatMap(({ number, row, batch }) => [...tally.add(number, row, batch.items, batch.results)]); // oxfmt-ignore
  t.deepEqual([...wrong, ...tally.finish()], [], told);
  const { scannedItems, succeededItems, skippedItems, failedItems, goneItems, recycledItems } = run!.progress!; // oxfmt-ignore
  const items = await task.items();
  const gone = items.filter(({ action }) => action === 6 || action === 7);
  const failedGone = BigInt(gone.filter(({ state }) => state === ItemState.FAILED).length);
  t.is(succeededItems + skippedItems + failedItems, scannedItems + failedGone, told);
  t.is(goneItems, BigInt(gone.length), `${told}: gone`);
  t.is(recycledItems, BigInt(gone.filter(({ state }) => state === ItemState.SUCCEEDED).length), told); // oxfmt-ignore
  for (const { path, row } of await task.store.ledgerRange('a', { after: '', upTo: '' }, 10_000)) {
    t.true(model.standing(row.destinationPath || path) !== undefined, `${told}: ${path} stands`);
    const [index] = await task.store.fileIds('a', [row.fileId]);
    const [indexed] = index === undefined ? [] : await task.store.ledgerRows('a', [index.path]);
    if (index !== undefined) t.is(indexed?.fileId, row.fileId, `${told}: the index of ${path}`);
  }
}

/** The source changes again and again, and is migrated; in the end three times in peace. */
async function play(
  t: ExecutionContext,
  { task, model, below, chance }: { task: NamedTask; model: SourceModel; below: Below; chance: Below | undefined }, // oxfmt-ignore
) {
  for (let count = 0; count < 25; count += 1) model.change();
  const toldOf = new Set<string>();
  for (let run = 1; run <= runs; run += 1) {
    for (let count = below(8); count > 0; count -= 1) model.change();
    const isCalm = below(3) > 0;
    const isDone = await runOnce(t, task, model, {
      approval: chance?.(3) === 0 ? undefined : chance,
      gonePolicy: below(2) === 0 ? GonePolicy.KEEP : GonePolicy.RECYCLE,
      failsOf: isCalm ? 0 : 15,
      meanwhile: () => (isCalm || below(2) === 0 ? undefined : model.change()),
    }, toldOf); // oxfmt-ignore
    if (!isDone) continue;
    await checkCounts(t, task, model, `run ${run}`);
    if (isCalm) await checkKept(t, task, model, `run ${run}`);
  }
  model.open();
  const last = {
    gonePolicy: GonePolicy.RECYCLE,
    failsOf: 0,
    meanwhile: () => {},
    approval: undefined,
  };
  for (let run = 0; run < 3; run += 1) await runOnce(t, task, model, last, toldOf);
}

/** Numbers for what is decided about plans, beside those that the source goes by. */
const chanceOf = ([seed, isApproved]: Game) =>
  isApproved ? numbersOf(seed + 1_000_000) : undefined;
const titleOf = ([seed, isApproved]: Game) => `seed ${seed}${isApproved ? ', with approvals' : ''}`;

for (const game of games)
  test(`nothing is lost, and in the end both sides are the same (${titleOf(game)})`, async (t) => {
    const below = numbersOf(game[0]);
    const model = new SourceModel(below);
    const task = await openNamedTask(t, 'file:///to');
    await play(t, { task, model, below, chance: chanceOf(game) });
    type Side = ReadonlyMap<string, { content: string; isFolder: boolean; modifiedNs: bigint }>;
    const contents = (side: Side) => [...side].map(([path, { content, isFolder, modifiedNs }]) => `${path} ${isFolder ? modifiedNs : content}`).toSorted(); // oxfmt-ignore
    t.deepEqual(contents(model.destination), contents(model.source));
  });

for (const game of foldedGames)
  test(`the same where names that differ in case only are one (${titleOf(game)})`, async (t) => {
    const below = numbersOf(game[0]);
    const model = new SourceModel(below, true);
    const task = await openNamedTask(t);
    await play(t, { task, model, below, chance: chanceOf(game) });
    const places: string[] = [];
    for (const [path, node] of model.source) {
      const [row] = await task.store.ledgerRows('a', [path]);
      const place = row?.destinationPath || path;
      places.push(model.keyOf(place));
      const { isFolder, modifiedNs, content } = node;
      t.like(model.standing(place), isFolder ? { isFolder, modifiedNs } : { isFolder, content }, path); // oxfmt-ignore
    }
    t.deepEqual([...model.destination.keys()].toSorted(), places.toSorted());
  });
