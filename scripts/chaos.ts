#!/usr/bin/env node
// `npm run chaos`: a real coordinator and real agents migrate two shares in which somebody works, while processes are killed, networks cut,
// services refuse and disks are full. Then all is quiet, and what arrived has to be what is there.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { RunState } from '../gen/drover/v1/run_pb.ts';
import { ConflictPolicy, GonePolicy } from '../gen/drover/v1/settings_pb.ts';
import { progressLine } from '../lib/progress-view.ts';
import { runProcess } from '../lib/process-edge.ts';
import { readDestination, readFolder, TenantReader, type ArrivedTree } from './chaos-arrived.ts';
import { checkArrived, checkTidied, checkUntouched } from './chaos-check.ts';
import { playEvents } from './chaos-events.ts';
import { ChaosLog } from './chaos-log.ts';
import { parseChaos, type ChaosOptions } from './chaos-options.ts';
import { Random } from './chaos-random.ts';
import { ChaosTask } from './chaos-runs.ts';
import { Share, sharePointName } from './chaos-share.ts';
import { ChaosStack, sessionExpiryMs } from './chaos-stack.ts';

const root = path.dirname(import.meta.dirname);
const library = 'https://contoso.sharepoint.com/sites/migration/Shared Documents';
const exitWrong = 1;
const exitInterrupted = 130;

await runProcess('chaos', process, async ({ drain }) => {
  const startFolder = process.env['INIT_CWD'] ?? process.cwd();
  const options = parseChaos(process.argv.slice(2), { root, startFolder });
  if (typeof options === 'number') return options;
  mkdirSync(options.folder, { recursive: true });
  const folder = mkdtempSync(path.join(options.folder, `seed-${options.seed}-`));
  const log = new ChaosLog(path.join(folder, 'chaos.log'));
  log.say(`seed ${options.seed}, ${options.agents} agents, ${options.files} files each, to ${options.destination === 'folder' ? 'a folder' : 'the emulator'}`); // oxfmt-ignore
  let stack: ChaosStack | undefined;
  // Also when something is thrown: a mount that stays would be in the way of everybody.
  process.once('exit', () => stack?.smallDisk?.unmount());
  try {
    // Before anything runs, because the networks are in this process, and this keeps it busy.
    const sizes = { files: options.files, largeFiles: options.largeFiles };
    const shares = ['one', 'two'].map((name) => Share.make(path.join(folder, 'share', name), sizes, new Random(options.seed).fork(`share ${name}`))); // oxfmt-ignore
    stack = await ChaosStack.start({ folder, agents: options.agents, hasEmulator: options.destination === 'emulator', log }); // oxfmt-ignore
    await play(options, folder, shares, stack, log, drain);
  } catch (error) {
    log.problem(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    await stack?.[Symbol.asyncDispose]();
  }
  const isClean = log.problems.length === 0 && !drain.aborted;
  stack?.smallDisk?.unmount(isClean ? undefined : path.join(folder, 'small-disk'));
  if (isClean) {
    log.say('clean');
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    return 0;
  }
  if (log.problems.length === 0) {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    return exitInterrupted;
  }
  log.say(`${log.problems.length} problems with seed ${options.seed}; logs and data are kept in ${folder}`); // oxfmt-ignore
  return exitWrong;
});

async function play(
  options: ChaosOptions,
  folder: string,
  shares: readonly Share[],
  stack: ChaosStack,
  log: ChaosLog,
  drain: AbortSignal,
): Promise<void> {
  const tasks = await Promise.all(
    shares.map((share) => makeTask(share, options, folder, stack, log)),
  );
  const over = AbortSignal.any([drain, AbortSignal.timeout(options.chaosMs)]);
  const random = new Random(options.seed);
  const scene = {
    stack,
    tasks: tasks.map(({ name }) => name),
    shares,
    destinations: options.destination === 'folder' ? tasks.map((task) => placeOf(folder, task.share)) : [], // oxfmt-ignore
    random: random.fork('events'),
    log,
  };
  log.say(`chaos for ${options.chaosMs / 1000} s`);
  const [events, ...changes] = await Promise.all([
    playEvents(scene, over),
    ...tasks.map((task) => work(task.share, random.fork(`work ${task.name}`), log, over)),
    ...tasks.map((task) => task.runAgainAndAgain(over)),
  ]);
  if (drain.aborted) return;
  const changed = changes.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  log.say(`quiet: after ${events} events and ${changed} changes of files`);
  await stack.heal();
  const quietMs = performance.now();
  await Promise.all(tasks.map((task) => task.finish(options.quietMs)));
  await Promise.all(tasks.map((task) => lastRun(task, options, log)));
  const before = await Promise.all(tasks.map((task) => readDestination(task.destination, tenantOf(stack)))); // oxfmt-ignore
  for (const [index, task] of tasks.entries()) checkTask(task, before[index]!, options, log);
  await Promise.all(tasks.map((task, index) => furtherRun(task, before[index]!, options, stack, log))); // oxfmt-ignore
  await Promise.all(tasks.map((task, index) => tidyRun(task, before[index]!, options, stack, log))); // oxfmt-ignore
  if (stack.emulator !== undefined) await checkSessions(stack, tasks[0]!.destination, quietMs, log);
  await stack.checkStore();
}

async function makeTask(
  share: Share,
  options: ChaosOptions,
  folder: string,
  stack: ChaosStack,
  log: ChaosLog,
): Promise<ChaosTask> {
  const taskId = path.basename(share.folder);
  const destination = options.destination === 'folder' ? pathToFileURL(placeOf(folder, share)).href : `${library}/${taskId}`; // oxfmt-ignore
  // Nobody else works at the destination, so nothing there may ever be taken for somebody else's.
  const conflictPolicy = ConflictPolicy.SKIP;
  const gonePolicy = taskId === 'one' ? GonePolicy.KEEP : GonePolicy.RECYCLE;
  const settings = { conflictPolicy, gonePolicy, recycleItemsMax: 2 ** 32 - 1, recyclePercentMax: 100 }; // oxfmt-ignore
  const { task } = await stack.api.tasks.createTask({ task: { source: share.folder, destination, settings }, taskId }); // oxfmt-ignore
  return new ChaosTask({ name: task!.name, share, destination, gonePolicy }, { api: stack.api, log }); // oxfmt-ignore
}

/** Where a share goes when it goes to a folder. */
function placeOf(folder: string, share: Share): string {
  return path.join(folder, 'destination', path.basename(share.folder));
}

/** Works in a share until the signal aborts; answers with how many changes there were. */
async function work(
  share: Share,
  random: Random,
  log: ChaosLog,
  signal: AbortSignal,
): Promise<number> {
  const burst = Math.ceil(share.files().length / 5);
  let changes = 0;
  while (!signal.aborted) {
    // Every now and then so many at once that a run has something to do for a while.
    for (let more = random.chance(0.1) ? burst : random.between(1, 5); more > 0; more--) {
      log.note(share.change());
      changes += 1;
      await setImmediate();
    }
    await delay(random.between(20, 400), undefined, { signal }).catch(() => undefined);
  }
  return changes;
}

/** The run in which everything has to arrive. */
async function lastRun(task: ChaosTask, options: ChaosOptions, log: ChaosLog): Promise<void> {
  const run = await task.run(options.quietMs);
  log.say(progressLine(run));
  if (run.state !== RunState.SUCCEEDED) log.problem(`${run.name}, in which nothing was in the way, did not succeed: ${await task.failures(run)}`); // oxfmt-ignore
}

/** A run that has nothing to do. */
async function furtherRun(
  task: ChaosTask,
  before: ArrivedTree,
  options: ChaosOptions,
  stack: ChaosStack,
  log: ChaosLog,
): Promise<void> {
  const run = await task.run(options.quietMs);
  const { succeededBytes, failedItems } = run.progress!;
  if (run.state !== RunState.SUCCEEDED || succeededBytes > 0n || failedItems > 0n)
    log.problem(`${run.name}, which had nothing to do, did something: ${progressLine(run)}`);
  const after = await readDestination(task.destination, tenantOf(stack));
  for (const problem of checkUntouched(before, after)) log.problem(`${task.name}: ${problem}`);
}

/** A run after somebody tidied up in a quiet moment: nothing has to be written for it. */
async function tidyRun(
  task: ChaosTask,
  before: ArrivedTree,
  options: ChaosOptions,
  stack: ChaosStack,
  log: ChaosLog,
): Promise<void> {
  const tidied = task.share.tidy();
  const run = await task.run(options.quietMs);
  const { movedItems, goneItems, recycledItems } = run.progress!;
  if (run.state !== RunState.SUCCEEDED || movedItems !== BigInt(tidied.moved.size))
    log.problem(`${run.name} was to move ${tidied.moved.size} files: ${progressLine(run)}: ${await task.failures(run)}`); // oxfmt-ignore
  const after = await readDestination(task.destination, tenantOf(stack));
  const isGoneRecycled = task.gonePolicy === GonePolicy.RECYCLE;
  const placeOf = placeIn(options);
  for (const problem of checkTidied({ tidied, before, after, isGoneRecycled, placeOf }))
    log.problem(`${task.name}: ${problem}`);
  log.say(`${task.name}: ${movedItems} files were moved, ${goneItems} items were gone, ${recycledItems} of them recycled`); // oxfmt-ignore
}

/** The place that a path has to have at the destination. */
function placeIn({ destination }: ChaosOptions): (name: string) => string {
  return destination === 'folder' ? (name) => name : sharePointName;
}

function checkTask(
  task: ChaosTask,
  arrived: ArrivedTree,
  options: ChaosOptions,
  log: ChaosLog,
): void {
  const { problems, counts } = checkArrived({
    truth: task.share.truth,
    source: readFolder(task.share.folder),
    arrived,
    reported: task.reported,
    places: task.places,
    isGoneRecycled: task.gonePolicy === GonePolicy.RECYCLE,
    placeOf: placeIn(options),
    dateDigits: options.destination === 'folder' ? 9 : 0,
  });
  for (const problem of problems) log.problem(`${task.name}: ${problem}`);
  const endings = [...task.endings].map(([ending, count]) => `${count} ${ending}`).join(', ');
  log.say(`${task.name}: runs: ${endings}`);
  for (const [what, count] of counts) log.say(`${task.name}: checked ${count} ${what}`);
  log.say(`${task.name}: checked ${task.reportedItems} reports of all runs against what the files ever held`); // oxfmt-ignore
}

/** Sessions of those who died before they could remember them end by themselves; what is open after that was forgotten. */
async function checkSessions(
  stack: ChaosStack,
  address: string,
  quietMs: number,
  log: ChaosLog,
): Promise<void> {
  await delay(Math.max(0, quietMs + sessionExpiryMs - performance.now()));
  // Only after a start does the emulator look for expired sessions at once.
  await stack.emulator!.drain();
  await stack.emulator!.up();
  const reader = await TenantReader.open(stack.tenant);
  await reader.probe(address);
  await reader.close();
  const { graph } = (await stack.control('GET', 'stats')) as { graph: { openSessions: number } };
  if (graph.openSessions > 0) log.problem(`${graph.openSessions} upload sessions were left open`);
  log.say('checked that no upload session is left open');
}

function tenantOf(stack: ChaosStack) {
  return stack.emulator === undefined ? undefined : stack.tenant;
}
