import test from 'ava';
import { stepRun } from '../task/run-machine.ts';
import { Changes } from './changes.ts';
import { OpenRuns } from './open-runs.ts';
import { openHarness } from './testing/harness.ts';

test('a row that is heard of late does not take the place of a newer one', async (t) => {
  const harness = await openHarness(t);
  const key = await harness.start('a');
  const runs = new OpenRuns(harness.watched.store, new Changes());
  const feed = (await runs.refresh(key))!;
  const asked = feed.row;
  const begun = stepRun(asked, { kind: 'begin' }, 1);
  const paused = stepRun(begun, { kind: 'pause' }, 2);
  runs.update(feed, paused);
  runs.update(feed, begun);
  runs.update(feed, asked);
  t.is(feed.row, paused);
  t.false(feed.isGoing);
  runs.update(feed, stepRun(paused, { kind: 'resume' }, 3));
  t.true(feed.isGoing);
});

test('a run that has ended is not brought back by a row that was read before', async (t) => {
  const harness = await openHarness(t);
  const key = await harness.start('a');
  const { store } = harness.watched;
  const runs = new OpenRuns(store, new Changes());
  const feed = (await runs.refresh(key))!;
  const cancelling = stepRun(feed.row, { kind: 'cancel' }, 1);
  const late = runs.refresh(key);
  runs.update(feed, stepRun(cancelling, { kind: 'stopped' }, 2));
  t.is(await late, undefined);
  t.is(runs.get(key), undefined);
});
