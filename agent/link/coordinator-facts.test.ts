import test from 'ava';
import { recognise } from './enroll.ts';
import { readCoordinatorFacts } from './coordinator-facts.ts';
import { PlayedCoordinator } from './played-coordinator.ts';

test('a coordinator tells the time, and how people sign in to it', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { address, fingerprint } = coordinator;
  const authority = await recognise(address, fingerprint);
  const facts = await readCoordinatorFacts(address, authority);
  t.true(Math.abs(facts.timeMs - Date.now()) < 60_000);
  t.is(facts.signIn, undefined);
  coordinator.signIn = {
    tenant: 'contoso.com',
    clientId: 'id',
    authority: 'https://a',
    scope: 's',
  };
  t.like((await readCoordinatorFacts(address, authority)).signIn, coordinator.signIn);
});

test('what answers with another authority is asked nothing', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  await using other = await PlayedCoordinator.start();
  const authority = await recognise(other.address, other.fingerprint);
  await t.throwsAsync(readCoordinatorFacts(coordinator.address, authority), { message: /cannot be trusted: it belongs to another certificate authority/ }); // oxfmt-ignore
});
