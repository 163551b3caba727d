// The certificate is judged by the coordinator's clock, whatever this computer's says.
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { DroverError } from '../../lib/error.ts';
import { systemClock, type Clock } from '../../lib/time.ts';
import { keepCertificate } from './certificate-keeper.ts';
import { join } from './enroll.ts';
import type { Identity } from './identity.ts';
import { PlayedCoordinator } from './played-coordinator.ts';

const hourMs = 60 * 60_000;

/** What a pause between two looks lasts at most. */
const lookMs = hourMs;

interface Kept {
  lines: { msg: string; aheadMs?: number }[];
  /** Resolves at the first pause after that many renewals. */
  paused: Promise<number>;
  ended: Promise<void>;
}

/** Keeps a certificate on a computer whose clock is that much ahead; what is waited for is only noted. */
async function keep(
  t: ExecutionContext,
  coordinator: PlayedCoordinator,
  aheadMs: number,
): Promise<Kept> {
  const { address, joinToken } = coordinator;
  let identity: Identity = await join({ address, proof: { joinToken }, displayName: 'one' });
  const { promise: paused, resolve } = Promise.withResolvers<number>();
  const clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() + aheadMs,
    after: (delayMs, callback) => {
      // After a renewal it goes on at once.
      if (delayMs > 10_000) resolve(delayMs);
      else setImmediate(callback);
      return () => undefined;
    },
  };
  const lines: Kept['lines'] = [];
  const log = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) });
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const replace = (renewed: Identity) => (identity = renewed);
  const options = { addresses: [address], identity: () => identity, replace, clock, log };
  return { lines, paused, ended: keepCertificate(options, stop.signal) };
}

const words = ({ lines }: Kept) => lines.map(({ msg }) => msg);

test('where the clocks agree nothing is said, and it is looked again within the hour', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const kept = await keep(t, coordinator, 0);
  t.is(await kept.paused, lookMs);
  t.deepEqual(words(kept), []);
  t.is(coordinator.renewals, 0);
});

test('a clock that is behind does not keep a certificate from being renewed in time', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  coordinator.certificateAgeMs = 17 * hourMs;
  // Half an hour more, so that the words are the same however long it takes on this machine.
  const kept = await keep(t, coordinator, -12.5 * hourMs);
  await kept.paused;
  t.is(coordinator.renewals, 1);
  t.regex(words(kept).join('\n'), /^this computer's clock is 12 h.* behind the coordinator's; Set the clocks of both computers.*\nthe certificate is renewed$/); // oxfmt-ignore
});

test('a clock that is ahead neither renews again and again, nor takes a good certificate for one that has ended', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const kept = await keep(t, coordinator, 240 * hourMs);
  t.is(await kept.paused, lookMs);
  t.is(coordinator.renewals, 0);
  t.regex(
    words(kept).join('\n'),
    /^this computer's clock is 10 d.* ahead of the coordinator's; [^\n]*$/,
  );
});

test('a computer that sleeps most of the time renews its certificate in time', async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  const { address, joinToken } = coordinator;
  let identity: Identity = await join({ address, proof: { joinToken }, displayName: 'one' });
  const stop = new AbortController();
  let sleptMs = 0;
  const clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() + sleptMs,
    // A timer does not run while the computer sleeps: three hours for each that it is awake.
    after: (delayMs, callback) => {
      sleptMs += delayMs * 4;
      coordinator.clockAheadMs = sleptMs;
      setImmediate(callback);
      return () => undefined;
    },
  };
  const replace = (renewed: Identity) => {
    identity = renewed;
    stop.abort();
  };
  const log = pino({ level: 'silent' });
  await keepCertificate({ addresses: [address], identity: () => identity, replace, clock, log }, stop.signal); // oxfmt-ignore
  t.is(coordinator.renewals, 1);
  t.true(sleptMs >= 16 * hourMs && sleptMs < 24 * hourMs, `${sleptMs / hourMs} hours`);
});

test("what has ended by the coordinator's clock has ended", async (t) => {
  await using coordinator = await PlayedCoordinator.start();
  coordinator.clockAheadMs = 25 * hourMs;
  const kept = await keep(t, coordinator, 0);
  const error = await t.throwsAsync<DroverError>(kept.ended, { message: /ended at 2.*Z, and it is 2.*Z; start the agent with a new join token/ }); // oxfmt-ignore
  t.is(error.reason, ErrorReason.UNAUTHENTICATED);
});

test('where nobody answers a clock alone ends nothing', async (t) => {
  const coordinator = await PlayedCoordinator.start();
  const { address, joinToken } = coordinator;
  const identity = await join({ address, proof: { joinToken }, displayName: 'one' });
  await coordinator[Symbol.asyncDispose]();
  const stop = new AbortController();
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => lines.push(line) });
  const clock = {
    ...systemClock,
    now: () => systemClock.now() + 48 * hourMs,
    after: () => {
      setImmediate(() => stop.abort());
      return () => undefined;
    },
  };
  const ended = keepCertificate({ addresses: [address], identity: () => identity, replace: () => t.fail(), clock, log }, stop.signal); // oxfmt-ignore
  await t.notThrowsAsync(ended);
  t.regex(lines.join(''), /could not be renewed; it is tried again/);
});
