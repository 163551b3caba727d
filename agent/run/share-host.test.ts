// Shares and their accounts, against a played system: what is connected when, and what becomes of leases while it refuses the account. The
// calls of Windows themselves are not made here.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { BatchItemsSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { AttachResponseSchema, BatchPhase, type AttachRequest } from '../../gen/drover/v1/session_pb.ts'; // oxfmt-ignore
import { DroverError, reasonName } from '../../lib/error.ts';
import { createLog } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import { isCutOff, isStopped } from '../pool/jobs.ts';
import { ConnectError } from '../source/share-error.ts';
import type { ShareConnector } from '../source/share-connector.ts';
import type { AccountRule } from '../source/share-pattern.ts';
import { sealedBox } from '../../lib/sealed-box.ts';
import { openJournal } from './journal.ts';
import { PlayedPool } from './played-pool.ts';
import { ShareHost, shareRetryMs } from './share-host.ts';
import { sharePool } from './share-pool.ts';
import { Work } from './work.ts';

const raw = String.raw;
const rule = (pattern: string, user: string, password = 'right'): AccountRule => ({ pattern, account: { user, password } }); // oxfmt-ignore
const hr = raw`\\files\hr`;
const { SOURCE_SIGN_IN_FAILED, SOURCE_NOT_FOUND, SOURCE_READ_FAILED } = ErrorReason;

class Played {
  /** Every call, in order. */
  readonly calls: string[] = [];
  accounts: AccountRule[] = [rule(raw`\\*\*`, 'reader')];
  /** What the system answers to a connection; 0: it is connected. */
  answer: (share: string, user: string, password: string) => number = (_, __, password) => (password === 'right' ? 0 : 1326); // oxfmt-ignore
  timer: { delayMs: number; callback: () => void } | undefined;
  readonly connector: ShareConnector = {
    connect: async (share, { user, password }) => {
      this.calls.push(`${share} as ${user}`);
      const code = this.answer(share, user, password);
      if (code !== 0) throw new ConnectError(code);
    },
    disconnect: async (share) => void this.calls.push(`no ${share}`),
    sourceOf: ({ share, path: below }) => `/mnt/${share}/${below}`,
  };
  readonly clock: Clock = {
    now: () => 0,
    steady: () => 0,
    after: (delayMs, callback) => {
      this.timer = { delayMs, callback };
      return () => (this.timer = undefined);
    },
  };
  readonly host = new ShareHost({
    connector: this.connector,
    accounts: () => this.accounts,
    clock: this.clock,
    log: createLog('agent', 'silent'),
  });
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function refusal(t: ExecutionContext, promise: Promise<unknown>): Promise<DroverError> {
  return await t.throwsAsync(promise, { instanceOf: DroverError });
}

test('a share is connected once, as its account, and read where the system has it', async (t) => {
  const { host, calls, ...played } = new Played();
  played.accounts.push(rule(hr, 'closer'));
  const [one, other] = await Promise.all([host.open(raw`\\Files\HR\a`), host.open(hr)]);
  t.is(one.source, '/mnt/HR/a');
  t.is(other.source, '/mnt/hr/');
  t.is((await host.open('/srv/x')).source, '/srv/x');
  await host.open(raw`\\files\it`);
  t.deepEqual(calls, [`${hr} as closer`, raw`\\files\it as reader`]);
  host.close();
  t.deepEqual(calls.slice(2).sort(), [`no ${hr}`, raw`no \\files\it`]);
});

test('a share without an account is left to the account that the agent runs under', async (t) => {
  const played = new Played();
  played.accounts = [];
  t.is((await played.host.open(hr)).source, '/mnt/hr/');
  t.deepEqual(played.calls, []);
});

test('a wrong password is trouble, and is tried once, not once for each share and job', async (t) => {
  const played = new Played();
  const { host, calls } = played;
  let told = 0;
  host.subscribe(() => (told += 1));
  played.accounts = [rule(raw`\\*\*`, 'reader', 'wrong')];
  const error = await refusal(t, host.open(hr));
  t.is(error.reason, SOURCE_SIGN_IN_FAILED);
  t.false(error.message.includes('wrong"'));
  t.is(host.trouble?.message, error.message);
  await refusal(t, host.open(raw`\\files\it`));
  await refusal(t, host.open(hr));
  played.timer!.callback();
  await settled();
  t.is(calls.length, 1);
  t.is(told, 2, 'of the one share, and then of both');
  // Nothing changed for this share.
  host.accountsChanged();
  await settled();
  t.is(calls.length, 1);
  played.accounts = [rule(raw`\\*\*`, 'reader', 'right')];
  host.accountsChanged();
  await settled();
  t.is(calls.length, 2);
  t.is(host.trouble, undefined);
  t.is(told, 3);
  t.is((await host.open(hr)).source, '/mnt/hr/');
});

test('a locked account is tried again after a while', async (t) => {
  const played = new Played();
  let code = 1909;
  played.answer = () => code;
  await refusal(t, played.host.open(hr));
  t.is(played.timer!.delayMs, shareRetryMs);
  played.timer!.callback();
  await settled();
  t.is(played.host.trouble?.reason, SOURCE_SIGN_IN_FAILED);
  code = 0;
  played.timer!.callback();
  await settled();
  t.is(played.host.trouble, undefined);
  t.is(played.calls.length, 3);
});

test('what may be wrong on one server only is tried on another, and once for all shares of a server', async (t) => {
  const played = new Played();
  const { host, calls } = played;
  played.answer = (share) => (share.startsWith(raw`\\files`) ? 1219 : 0);
  await refusal(t, host.open(hr));
  await refusal(t, host.open(raw`\\files\it`));
  t.is((await host.open(raw`\\other\x`)).source, '/mnt/x/');
  t.deepEqual(host.trouble?.shares, [hr, raw`\\files\it`]);
  t.deepEqual(calls, [`${hr} as reader`, raw`\\other\x as reader`]);
  played.timer!.callback();
  await settled();
  t.is(calls.length, 3);
  played.answer = () => 0;
  played.timer!.callback();
  await settled();
  t.is(host.trouble, undefined);
  t.is(calls.length, 4);
});

test('two accounts that are refused are two troubles, and each ends by itself', async (t) => {
  const played = new Played();
  const { host, calls } = played;
  const other = raw`\\other\x`;
  played.accounts = [rule(hr, 'one', 'wrong'), rule(other, 'two', 'wrong')];
  await refusal(t, host.open(hr));
  await refusal(t, host.open(other));
  t.deepEqual(host.trouble?.shares, [hr, other]);
  t.regex(
    host.trouble!.message,
    /hr cannot be connected as one: .*; .*x cannot be connected as two: /v,
  );
  const heard: (readonly string[] | undefined)[] = [];
  host.subscribe(() => heard.push(host.trouble?.shares));
  played.accounts = [rule(hr, 'one', 'right'), rule(other, 'two', 'wrong too')];
  host.accountsChanged();
  await settled();
  t.deepEqual(heard, [[other]], 'what is wrong again was wrong all the time');
  t.is(calls.length, 4);
  played.accounts = [rule(hr, 'one', 'right')];
  host.accountsChanged();
  await settled();
  t.deepEqual(heard, [[other], undefined]);
});

test('an account that is taken out of the vault is no trouble any more', async (t) => {
  const played = new Played();
  played.accounts = [rule(raw`\\*\*`, 'reader', 'wrong')];
  await refusal(t, played.host.open(hr));
  played.accounts = [];
  played.host.accountsChanged();
  await settled();
  t.is(played.host.trouble, undefined);
  t.is((await played.host.open(hr)).source, '/mnt/hr/');
});

test('a share that is not there is no trouble of the agent', async (t) => {
  const played = new Played();
  played.answer = () => 67;
  const error = await refusal(t, played.host.open(hr));
  t.is(error.reason, SOURCE_NOT_FOUND);
  t.is(played.host.trouble, undefined);
});

test('another account takes over when nobody reads any more; a new password needs no new connection', async (t) => {
  const played = new Played();
  const { host, calls } = played;
  const first = await host.open(hr);
  played.accounts = [rule(hr, 'other')];
  const second = await host.open(hr);
  t.is(calls.length, 1);
  first.release();
  first.release();
  second.release();
  await host.open(hr);
  t.deepEqual(calls.slice(1), [`no ${hr}`, `${hr} as other`]);
  played.accounts = [rule(hr, 'other', 'also right')];
  await host.open(hr);
  t.is(calls.length, 3);
});

/** An agent whose threads do what the test says. */
class Scene extends Played {
  readonly pool = new PlayedPool(4);
  readonly frames: AttachRequest['frame'][] = [];
  work: Work | undefined;

  async start(t: ExecutionContext): Promise<void> {
    const data = mkdtempSync(path.join(tmpdir(), 'drover-shares-'));
    const journal = await openJournal(path.join(data, 'journal'), sealedBox(new Uint8Array(32)));
    const { pool, host: shares } = this;
    this.work = new Work({ pool: sharePool(pool, shares), journal, slots: 5, authority: 'ca', tenant: undefined, shares, log: createLog('agent', 'silent') }); // oxfmt-ignore
    this.work.attach(({ frame }) => this.frames.push(frame));
    t.teardown(async () => {
      this.work!.close();
      await pool.close();
      await journal.close();
      rmSync(data, { recursive: true, force: true });
    });
  }

  lease(kind: 'scan' | 'batch', number: number, source: string): void {
    const lease = kind === 'scan' ? `tasks/${number}/runs/1/scan` : `tasks/a/runs/1/batches/${number}`; // oxfmt-ignore
    const place = { key: { lease, generation: 1 }, source, destination: '/srv/to' };
    const items = toBinary(BatchItemsSchema, create(BatchItemsSchema, { path: ['a', 'b'] }));
    const frame =
      kind === 'scan'
        ? ({ case: 'scanLease', value: { ...place, nextPage: 1n, pageWindow: 1 } } as const)
        : ({ case: 'batchLease', value: { ...place, phase: BatchPhase.TRANSFER, items } } as const);
    this.work!.receive(create(AttachResponseSchema, { frame }));
  }

  /** What the agent said, in short. */
  said(): string[] {
    return this.frames.map(({ case: kind, value }) => {
      if (kind === 'heartbeat') return `unwell: ${value.attention?.sources.join() ?? 'no'}`;
      if (kind === 'leaseReturn') return `returned ${value.keys.map(({ lease }) => lease).join()}`;
      if (kind === 'batchDone') return `${value.partial ? 'part' : 'all'} of ${value.key!.lease}`;
      if (kind === 'scanDone') return `scan ended with ${reasonName(value.reason)}`;
      return String(kind);
    });
  }

  async untilGoing(count: number): Promise<void> {
    while (this.pool.going.length < count) await settled();
  }
}

test('leases of shares go back while the account is refused, those of folders do not, and they come again', async (t) => {
  const scene = new Scene();
  await scene.start(t);
  scene.lease('batch', 1, hr);
  scene.lease('scan', 2, '/srv/from');
  await scene.untilGoing(2);
  const [batch, scan] = [await scene.pool.job('batch'), await scene.pool.job('scan')];
  t.is(batch.job.source, '/mnt/hr/');
  t.is(scan.job.source, '/srv/from');
  // Somebody changed the password in the domain, and another share is connected with the old one.
  scene.answer = () => 1326;
  scene.lease('batch', 3, raw`\\files\it\x`);
  while (scene.said().length < 2) await settled();
  t.deepEqual(scene.said(), [
    raw`unwell: \\files\hr,\\files\it`,
    'returned tasks/a/runs/1/batches/3',
  ]);
  t.true(isStopped(batch.job.shared) && !isCutOff(batch.job.shared));
  t.false(isStopped(scan.job.shared));
  batch.answer({ kind: 'stopped', results: Uint8Array.of(1) });
  scene.lease('scan', 4, hr);
  scene.lease('batch', 5, '/srv/from');
  await scene.untilGoing(2);
  while (scene.said().length < 4) await settled();
  t.deepEqual(scene.said().slice(2).sort(), ['part of tasks/a/runs/1/batches/1', 'returned tasks/4/runs/1/scan']); // oxfmt-ignore
  t.like(scene.work!.attention(), { reason: SOURCE_SIGN_IN_FAILED, locationKinds: ['unc'] });

  scene.answer = () => 0;
  scene.accounts = [rule(raw`\\*\*`, 'reader', 'new')];
  scene.host.accountsChanged();
  await settled();
  t.is(scene.said().at(-1), 'unwell: no');
  scene.lease('batch', 6, raw`\\files\it\x`);
  await scene.untilGoing(3);
});

test('an account that is refused takes the shares that it is for, and no others; one that was not asked for yet is named when it is', async (t) => {
  const scene = new Scene();
  const [it, staff] = [raw`\\files\it`, raw`\\files\staff`];
  scene.accounts = [rule(raw`\\files\*`, 'reader', 'wrong'), rule(it, 'closer')];
  await scene.start(t);
  scene.lease('batch', 1, it);
  await scene.untilGoing(1);
  scene.lease('batch', 2, hr);
  while (scene.said().length < 2) await settled();
  t.deepEqual(scene.said(), [`unwell: ${hr}`, 'returned tasks/a/runs/1/batches/2']);
  t.like(scene.work!.attention(), { reason: SOURCE_SIGN_IN_FAILED, locationKinds: ['unc'] });
  const [batch] = scene.pool.going;
  t.false(batch!.job.kind === 'batch' && isStopped(batch!.job.shared));
  scene.lease('scan', 3, it);
  scene.lease('scan', 4, raw`\\other\x`);
  await scene.untilGoing(3);
  scene.lease('scan', 5, staff);
  t.deepEqual(scene.said().slice(2), [`unwell: ${hr},${staff}`, 'returned tasks/5/runs/1/scan']);
  t.is(scene.calls.filter((call) => call.endsWith('as reader')).length, 1, 'tried once');
});

test('a source that cannot be read any more because of its account is no failure of the task', async (t) => {
  const scene = new Scene();
  await scene.start(t);
  scene.lease('scan', 1, hr);
  await scene.untilGoing(1);
  scene.answer = () => 1330;
  scene.pool.going[0]!.answer({ kind: 'failed', reason: SOURCE_READ_FAILED, message: 'UNKNOWN' });
  while (scene.said().length < 2) await settled();
  t.deepEqual(scene.said(), [`unwell: ${hr}`, 'returned tasks/1/runs/1/scan']);
});

test('a source that cannot be read for another reason fails the task, as a share that is not there', async (t) => {
  const scene = new Scene();
  await scene.start(t);
  scene.lease('scan', 1, hr);
  await scene.untilGoing(1);
  scene.pool.going[0]!.answer({ kind: 'failed', reason: SOURCE_NOT_FOUND, message: 'gone' });
  while (scene.said().length < 1) await settled();
  scene.answer = () => 53;
  scene.lease('scan', 2, raw`\\nowhere\hr`);
  while (scene.said().length < 2) await settled();
  t.deepEqual(scene.said(), ['scan ended with SOURCE_NOT_FOUND', 'scan ended with SOURCE_NOT_FOUND']); // oxfmt-ignore
  t.is(scene.work!.attention(), undefined);
});

test('a batch whose share cannot be reached goes back, and the agent says which one it is', async (t) => {
  const scene = new Scene();
  await scene.start(t);
  scene.answer = () => 53;
  scene.lease('batch', 1, raw`\\files\hr\new`);
  while (scene.said().length < 2) await settled();
  t.deepEqual(scene.said(), [raw`unwell: \\files\hr\new`, 'returned tasks/a/runs/1/batches/1']);
  t.like(scene.work!.attention(), { reason: SOURCE_NOT_FOUND, locationKinds: ['unc'] });
});
