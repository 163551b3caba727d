// A source or a destination that goes away in the middle of a run, as a share whose server is started anew at night: nothing of it fails.
import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { AgentState } from '../gen/drover/v1/agent_pb.ts';
import { RunState } from '../gen/drover/v1/run_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { temporaryFolder } from './harness/folders.ts';
import { assertSucceeded, stackOf } from './harness/stack.ts';
import { assertSameTree, leftovers, migratable, readTree } from './harness/tree.ts';

const files = 3000;

test('a share that is unmounted for a while, and leaves an empty folder, fails nothing', async (t) => {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  makeSmallFiles(source, files, 3000);
  const wanted = migratable(readTree(source));
  const stack = await stackOf(t, { folder: path.join(folder, 'stack') });
  const { ready } = await stack.startAgent();
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href });
  await stack.run(task);
  await stack.until(task, ({ progress }) => progress!.succeededItems + progress!.inFlightItems > 100n); // oxfmt-ignore
  const away = `${source} away`;
  renameSync(source, away);
  mkdirSync(source);
  const { waitingFor } = await stack.until(task, (run) => run.waitingFor.includes('attention'));
  t.regex(waitingFor, new RegExp(`^${ready.agent} needs attention to read ${source}: .*${source}.*machine`)); // oxfmt-ignore
  const { agent } = await stack.api.agents.getAgent({ name: ready.agent });
  t.is(agent!.state, AgentState.NEEDS_ATTENTION);
  rmdirSync(source);
  renameSync(away, source);
  const run = await stack.untilEnded(task);
  assertSucceeded(t, run);
  t.is(run.progress!.failedItems, 0n);
  const there = readTree(destination);
  t.deepEqual(leftovers(there), []);
  assertSameTree(t, there, wanted);
});

test('a destination folder that is unmounted for a while fails nothing, and nothing is written in its place', async (t) => {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  makeSmallFiles(source, files, 3000);
  const wanted = migratable(readTree(source));
  const stack = await stackOf(t, { folder: path.join(folder, 'stack') });
  const { ready } = await stack.startAgent();
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href });
  await stack.run(task);
  await stack.until(task, ({ progress }) => progress!.succeededItems > 100n);
  const away = `${destination} away`;
  renameSync(destination, away);
  mkdirSync(destination);
  const { waitingFor } = await stack.until(task, (run) => run.waitingFor.includes('attention'));
  t.regex(waitingFor, new RegExp(`^${ready.agent} needs attention to write to file://${destination}: .*${destination}`)); // oxfmt-ignore
  // What a batch wrote before it was found out is there; nothing is when the next one begins.
  rmSync(destination, { recursive: true });
  renameSync(away, destination);
  const run = await stack.untilEnded(task);
  assertSucceeded(t, run);
  t.is(run.progress!.failedItems, 0n);
  const there = readTree(destination);
  t.deepEqual(leftovers(there), []);
  assertSameTree(t, there, wanted);
  renameSync(destination, away);
  const next = await stack.runToEnd(task);
  t.is(next.state, RunState.FAILED);
  t.regex(next.error!.message, /is not there on this agent's machine, although the task has written into it/); // oxfmt-ignore
  t.false(existsSync(destination));
});
