// A source that goes away in the middle of a run, as a share whose server is started anew at night: nothing of it fails.
import { mkdirSync, renameSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { AgentState } from '../gen/drover/v1/agent_pb.ts';
import { makeSmallFiles } from '../scripts/bench-trees.ts';
import { temporaryFolder } from './harness/folders.ts';
import { assertSucceeded, stackOf } from './harness/stack.ts';
import { assertSameTree, leftovers, migratable, readTree } from './harness/tree.ts';

const files = 3000;

/** Takes the source away in the middle of a run; brings it back when the run says that it waits for it. */
async function outage(
  t: ExecutionContext,
  takeAway: (source: string, away: string) => void,
  bringBack: (source: string, away: string) => void,
) {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  makeSmallFiles(source, files, 3000);
  const wanted = migratable(readTree(source));
  const stack = await stackOf(t, { folder: path.join(folder, 'stack') });
  const { ready } = await stack.startAgent({ threads: 2 });
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href });
  await stack.run(task);
  await stack.until(
    task,
    ({ progress }) => progress!.succeededItems + progress!.inFlightItems > 100n,
  );
  const away = `${source} away`;
  takeAway(source, away);
  const waiting = await stack.until(task, ({ waitingFor }) =>
    waitingFor.includes('needs attention'),
  );
  t.regex(
    waiting.waitingFor,
    new RegExp(`^${ready.agent} needs attention to read ${source}: .*${source}.*machine`),
  );
  const { agent } = await stack.api.agents.getAgent({ name: ready.agent });
  t.is(agent!.state, AgentState.NEEDS_ATTENTION);
  bringBack(source, away);
  const run = await stack.untilEnded(task);
  assertSucceeded(t, run);
  t.is(run.progress!.failedItems, 0n);
  const there = readTree(destination);
  t.deepEqual(leftovers(there), []);
  assertSameTree(t, there, wanted);
}

test.serial('a source that is not there for a while', (t) =>
  outage(
    t,
    (source, away) => renameSync(source, away),
    (source, away) => renameSync(away, source),
  ),
);

test.serial('a share that is unmounted for a while leaves an empty folder', (t) =>
  outage(
    t,
    (source, away) => {
      renameSync(source, away);
      mkdirSync(source);
    },
    (source, away) => {
      rmdirSync(source);
      renameSync(away, source);
    },
  ),
);
