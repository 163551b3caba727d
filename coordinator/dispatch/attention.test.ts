// An agent whose sign-in stops working, at real leases: what it has finished counts, the rest goes to others, and nothing of the kind
// comes back to it until it can do it again.
import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { AttentionSchema } from '../../gen/drover/v1/session_pb.ts';
import { abilityWith, attentionOf } from './attention.ts';
import { openHarness, type Harness } from './testing/harness.ts';
import type { Frame, ScriptedAgent } from './testing/scripted-agent.ts';

const destination = 'https://contoso.sharepoint.com/sites/x/Shared Documents';
const locationKinds = ['file', 'sharepoint'];
const attention = {
  reason: ErrorReason.SIGN_IN_FAILED,
  message: 'the secret has expired',
  locationKinds: ['sharepoint'],
};

function tell(agent: ScriptedAgent, isAiling: boolean): void {
  const frame: Frame = { case: 'heartbeat', value: isAiling ? { leases: [], attention } : {} };
  agent.push(frame);
}

const words = 'agents/one needs attention: the secret has expired';

/** A run to a tenant whose scan has ended, with its batch at the agent. */
async function leased(harness: Harness, agent: ScriptedAgent) {
  const run = await harness.start('a', { destination });
  const { key } = agent.take('scanLease');
  agent.sendPage(
    key,
    1n,
    ['a', 'b', 'c', 'd', 'e'].map((path) => ({ path, size: 1n })),
  );
  agent.sendScanDone(key, 1n);
  await harness.idle();
  return run;
}

test('what it had finished is taken without its having been asked, and the rest goes to another', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one', { locationKinds });
  const run = await leased(harness, one);
  const lease = one.take('batchLease');
  const two = await harness.attach('two', { locationKinds });
  tell(one, true);
  one.sendPartial(lease, 3);
  await harness.idle();
  t.deepEqual(one.all('leaseRevocation'), []);
  t.is(one.all('acknowledgement').at(-1)!.key!.lease, lease.key!.lease);
  t.is((await harness.run(run)).run!.progress!.succeededItems, 3n);
  t.deepEqual(one.news('batchLease'), []);
  two.sendResults(two.take('batchLease'));
  await harness.idle();
  const row = await harness.run(run);
  t.is(await harness.state(run), 'SUCCEEDED');
  t.is(row.run!.progress!.failedItems, 0n);
});

test('without another the run waits for it, and goes on as soon as it is well', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one', { locationKinds });
  const run = await leased(harness, one);
  const { key } = one.take('batchLease');
  tell(one, true);
  one.giveBack(key);
  await harness.advance(30_000);
  t.deepEqual(one.news('batchLease'), []);
  t.is(harness.dispatcher.progress(run)!.waitingFor, words);
  t.like(harness.dispatcher.liveAgent('one'), { attention: { reason: ErrorReason.SIGN_IN_FAILED, message: 'the secret has expired' } }); // oxfmt-ignore
  tell(one, false);
  await harness.idle();
  t.is(harness.dispatcher.liveAgent('one')!.attention, undefined);
  t.is(one.take('batchLease').key!.generation, 2);
});

test('whoever waits for an agent hears that it needs attention, once', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one', { locationKinds });
  await harness.start('a', { destination });
  const heard: string[] = [];
  harness.dispatcher.subscribe((change) => heard.push(change.kind === 'task' ? change.task : `agents/${change.agent}`)); // oxfmt-ignore
  tell(one, true);
  await harness.idle();
  t.deepEqual(heard, ['a', 'agents/one']);
  tell(one, true);
  await harness.idle();
  t.deepEqual(heard, ['a', 'agents/one', 'agents/one']);
});

test('one that says so in its hello gets work on folders only', async (t) => {
  const harness = await openHarness(t);
  const run = await harness.start('a', { destination });
  const one = await harness.attach('one', { locationKinds, attention });
  t.deepEqual(one.news('scanLease'), []);
  t.is(harness.dispatcher.progress(run)!.waitingFor, words);
  await harness.start('b');
  t.is(one.take('scanLease').key!.lease, 'tasks/b/runs/1/scan');
});

test('a share that is refused goes to others, and the agent works on its other shares', async (t) => {
  const harness = await openHarness(t);
  const source = (share: string) => [String.raw`\\files`, share, 'plans'].join('\\');
  const one = await harness.attach('one', { locationKinds: ['file', 'unc'], slots: 4 });
  const hr = await harness.start('hr', { source: source('hr') });
  const lease = one.take('scanLease');
  const refused = { reason: ErrorReason.SOURCE_SIGN_IN_FAILED, message: 'hr is refused', locationKinds: ['unc'], sources: [String.raw`\\files\hr`] }; // oxfmt-ignore
  one.push({ case: 'heartbeat', value: { leases: [], attention: refused } });
  one.giveBack(lease.key);
  await harness.advance(30_000);
  t.deepEqual(one.news('scanLease'), []);
  t.is(harness.dispatcher.progress(hr)!.waitingFor, String.raw`agents/one needs attention to read \\files\hr\plans: hr is refused`); // oxfmt-ignore
  t.deepEqual(harness.dispatcher.liveAgent('one')!.attention!.sources, refused.sources);
  await harness.start('it', { source: source('it') });
  t.is(one.take('scanLease').key!.lease, 'tasks/it/runs/1/scan');
  const two = await harness.attach('two', { locationKinds: ['file', 'unc'] });
  await harness.idle();
  t.is(two.take('scanLease').key!.lease, 'tasks/hr/runs/1/scan');
});

test('destinations are looked at by those that are well, and by others only to hear why not', async (t) => {
  const harness = await openHarness(t);
  const one = await harness.attach('one', { locationKinds, attention });
  const alone = harness.dispatcher.checkDestination(destination);
  await harness.idle();
  const { check } = one.take('locationCheck');
  one.push({
    case: 'locationCheckDone',
    value: { check, reason: attention.reason, message: 'no' },
  });
  await t.throwsAsync(alone, { message: /agents\/one cannot use it: no/ });
  const two = await harness.attach('two', { locationKinds });
  const both = harness.dispatcher.checkDestination(destination);
  await harness.idle();
  two.push({ case: 'locationCheckDone', value: { check: two.take('locationCheck').check } });
  t.deepEqual(await both, { agent: 'two' });
});

test('reasons of newer agents are shown as one that is known, and words have an end', (t) => {
  const message = 'x'.repeat(5000);
  const said = attentionOf(create(AttentionSchema, { reason: 9999 as ErrorReason, message }));
  t.like(said, { reason: ErrorReason.UNAVAILABLE, message: 'x'.repeat(1000) });
  t.is(attentionOf(undefined), undefined);
});

test('sources that are no places, or too many, are taken for all of their kind', (t) => {
  const share = String.raw`\\files\hr`;
  const sources = (...named: string[]) =>
    attentionOf(create(AttentionSchema, { locationKinds: ['unc'], sources: named }))!.sources;
  t.deepEqual(sources(share), [share]);
  t.deepEqual(sources(share, '..'), []);
  t.deepEqual(sources(share, '\0'), []);
  t.deepEqual(sources('https://contoso.sharepoint.com/sites/x'), []);
  t.deepEqual(sources(...Array.from({ length: 1001 }, () => share)), []);
  const offered = { locationKinds: ['file', 'unc'], group: '', roots: [] };
  const said = (named: string[]) => create(AttentionSchema, { locationKinds: ['unc'], sources: named }); // oxfmt-ignore
  t.deepEqual(abilityWith(offered, said([])).locationKinds, ['file']);
  t.deepEqual(abilityWith(offered, said([share])).locationKinds, ['file', 'unc']);
});
