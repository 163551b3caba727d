// Which of the leases that wait may begin beside those that are going.
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { parseLocation } from '../../lib/location.ts';
import { createSharedJobState, noteEnding } from '../pool/jobs.ts';
import type { BatchRun } from './batch-run.ts';
import { attentionOf, hasThread, isHindered, type Entry } from './lease-entry.ts';

function entry(work: 'scan' | 'batch', usesTenant: boolean): Entry {
  return {
    key: { lease: work, generation: 1 } as Entry['key'],
    held: { state: 'running', work },
    run: { work, shared: createSharedJobState(0) } as BatchRun,
    usesTenant,
    places: [],
    recorded: Promise.resolve(),
  };
}

const { raw } = String;
const uses = (usesTenant: boolean, ...places: string[]) => ({ usesTenant, places: (places.length === 0 ? ['/srv'] : places).map((place) => parseLocation(place, 'place')) }); // oxfmt-ignore

test('a batch for a tenant has a thread as soon as one has begun its last item; everything else needs one of its own', (t) => {
  const [one, other] = [entry('batch', true), entry('batch', true)];
  const going = new Set([one, other]);
  const [batch, scan, toFolder] = [entry('batch', true), entry('scan', true), entry('batch', false)]; // oxfmt-ignore
  for (const waiting of [batch, scan, toFolder]) {
    t.true(hasThread(waiting, new Set([one]), 2));
    t.false(hasThread(waiting, going, 2));
  }
  noteEnding(one.run!.shared);
  t.true(hasThread(batch, going, 2));
  t.false(hasThread(batch, new Set([...going, batch]), 2), 'which is taken then');
  t.false(hasThread(scan, going, 2));
  t.false(hasThread(toFolder, going, 2));
});

test('what does not work is said in one, and hinders what needs it', (t) => {
  const sick = (message: string) => ({ reason: ErrorReason.SIGN_IN_FAILED, message });
  const well = { tenant: undefined, shares: undefined, places: undefined };
  t.is(attentionOf(well), undefined);
  const both = attentionOf({
    ...well,
    tenant: sick('no secret'),
    shares: { ...sick('no password'), shares: [raw`\\files\a`] },
  })!;
  t.is(both.message, 'no secret; no password');
  t.deepEqual(both.locationKinds, ['sharepoint', 'unc']);
  const refused = (names: string[]) => attentionOf({ ...well, shares: { ...sick('no password'), shares: names } }); // oxfmt-ignore
  const shares = refused([raw`\\files\a`, raw`\\files\b`]);
  t.is(shares?.message, 'no password');
  t.true(isHindered(uses(false, raw`\\FILES\b\c`), shares));
  t.false(isHindered(uses(false, raw`\\files\c`), shares), 'it has another account');
  t.false(isHindered(uses(true), shares));
  t.true(isHindered(uses(true), both));
  t.false(isHindered(uses(false), both));
  t.false(isHindered(uses(true, raw`\\files\a`), undefined));
  const many = refused(Array.from({ length: 201 }, (_, index) => raw`\\files\a${index}`));
  t.deepEqual(many?.sources, [], 'a heartbeat has no room for more');
  t.true(isHindered(uses(false, raw`\\files\c`), many));
});

test('a place that is out of reach hinders what is read from it or written to it, and nothing else', (t) => {
  const message = 'nothing is there';
  const well = { tenant: undefined, shares: undefined };
  const places = { reason: ErrorReason.SOURCE_NOT_FOUND, message, places: ['/mnt/share/photos'] };
  const lost = attentionOf({ ...well, places })!;
  t.deepEqual(lost.locationKinds, ['file']);
  t.deepEqual(lost.sources, ['/mnt/share/photos']);
  t.true(isHindered(uses(true, '/mnt/share/photos'), lost));
  t.true(isHindered(uses(false, '/mnt/share/photos/2020'), lost));
  t.false(isHindered(uses(false, '/mnt/share'), lost), 'the rest of it may be there');
  t.true(isHindered(uses(false, '/srv', '/mnt/share/photos/old'), lost), 'it is written to');
  t.false(isHindered(uses(false, raw`\\files\a`), lost));
  t.false(isHindered({ usesTenant: false, places: [] }, lost), 'results that are reported');
});
