// Each thing that may be wrong is noticed: a scene in which all is well, and what each single harm to it is called.
import test from 'ava';
import type { Arrived } from './chaos-arrived.ts';
import {
  checkArrived,
  checkTidied,
  checkUntouched,
  type Seen,
  type TidiedSeen,
} from './chaos-check.ts';
import type { Truth } from './chaos-share.ts';

const file = (sha256: string, more: Partial<Arrived> = {}): Arrived => ({
  isFolder: false,
  sha256,
  modifiedNs: 5_000_000_000n,
  id: '',
  quickXorHash: '',
  versions: 0,
  ...more,
});
const folder = file('', { isFolder: true });

function truth(content: string | undefined, ...contents: string[]): Truth {
  const all = new Set([...contents, ...(content === undefined ? [] : [content])]);
  return {
    content,
    contents: all,
    changes: all.size,
    wasEmpty: false,
    wasRenamed: false,
    changedMs: 0,
  };
}

const report = (place: string, sha256: string, destinationId: string, quickXorHash = '') => ({
  run: 'tasks/t/runs/1',
  sha256,
  quickXorHash,
  place,
  destinationId,
  isKept: false,
});

interface Scene extends Seen {
  truth: Map<string, Truth>;
  source: Map<string, Arrived>;
  arrived: Map<string, Arrived>;
  reported: Map<string, ReturnType<typeof report>>;
  places: Map<string, Set<string>>;
}

/** A file that was changed once, one with another name there, and one that was deleted after it had arrived. */
function scene(): Scene {
  return {
    truth: new Map([
      ['a/changed', truth('new', 'old')],
      ['a/odd:', truth('odd')],
      ['a/gone', truth(undefined, 'gone', 'gone too')],
    ]),
    source: new Map([
      ['a', folder],
      ['a/changed', file('new')],
      ['a/odd:', file('odd')],
    ]),
    arrived: new Map([
      ['a', folder],
      ['a/changed', file('new', { id: '1', quickXorHash: 'x', versions: 2 })],
      ['a/odd_', file('odd', { id: '2', versions: 1 })],
      ['a/gone', file('gone', { id: '3', versions: 1 })],
    ]),
    reported: new Map([
      ['a/changed', report('a/changed', 'new', '1', 'x')],
      ['a/odd:', report('a/odd_', 'odd', '2')],
      ['a/gone', report('a/gone', 'gone', '3')],
    ]),
    isGoneRecycled: false,
    places: new Map([['a/odd:', new Set(['a/odd_'])]]),
    placeOf: (name) => name.replaceAll(':', '_'),
    dateDigits: 9,
  };
}

test('all is well', (t) => {
  const { problems, counts } = checkArrived(scene());
  t.deepEqual(problems, []);
  t.deepEqual(Object.fromEntries(counts), {
    'folders that are there with their date': 1,
    'files that are there with content and date': 2,
    'files with no more versions than they had at the source': 3,
    'files that were deleted at the source and are kept, whole': 1,
    'reports of the API that are true': 3,
  });
});

test('what was written after the last report, of a file that is gone, is no problem', (t) => {
  const here = scene();
  here.arrived.set('a/gone', file('gone too', { id: '3', versions: 2 }));
  t.deepEqual(checkArrived(here).problems, []);
});

const harms: Record<string, [harm: (scene: Scene) => unknown, problem: RegExp]> = {
  'a file that did not arrive': [({ arrived }) => arrived.delete('a/odd_'), /odd: did not arrive/],
  'a folder that did not arrive': [({ arrived }) => arrived.delete('a'), /a did not arrive/],
  'a folder with another date': [
    ({ arrived }) => arrived.set('a', file('', { isFolder: true, modifiedNs: 1n })),
    /a has another date/,
  ],
  'a file in the place of a folder': [
    ({ arrived }) => arrived.set('a', file('x')),
    /a did not arrive/,
  ],
  'old content': [({ arrived }) => arrived.set('a/changed', file('old', { id: '1' })), /a\/changed has other content at the destination: one that it had earlier/], // oxfmt-ignore
  'torn content': [({ arrived }) => arrived.set('a/changed', file('ne', { id: '1' })), /one that it never had/], // oxfmt-ignore
  'another date': [({ arrived }) => (arrived.get('a/odd_')!.modifiedNs += 1n), /another date/],
  'a half-written file': [({ arrived }) => arrived.set('a/.drover-1-1-1.part', file('x')), /left behind/], // oxfmt-ignore
  'a file of nobody': [({ arrived }) => arrived.set('a/odd_ (2)', file('odd')), /nobody knows/],
  'two files of one id': [({ arrived }) => (arrived.get('a/odd_')!.id = '1'), /have one id/],
  'a version too many': [({ arrived }) => (arrived.get('a/changed')!.versions = 3), /has 3 versions/], // oxfmt-ignore
  'a torn file that is gone': [({ arrived }) => (arrived.get('a/gone')!.sha256 = 'go'), /is torn/],
  'a file that is gone and was not recycled': [(here) => (here.isGoneRecycled = true), /a\/gone is gone from the source and was not recycled/], // oxfmt-ignore
  'a kept file that is not there': [({ arrived }) => arrived.delete('a/gone'), /a\/gone as migrated, and it is not there/], // oxfmt-ignore
  'a report of other content': [({ reported }) => (reported.get('a/changed')!.sha256 = 'old'), /other content than tasks\/t\/runs\/1 reports/], // oxfmt-ignore
  'a report of another hash': [({ reported }) => (reported.get('a/changed')!.quickXorHash = 'y'), /another quickXorHash/], // oxfmt-ignore
  'a report of another item': [({ reported }) => (reported.get('a/odd:')!.destinationId = '9'), /has the id 2/], // oxfmt-ignore
  'a place that the name does not have': [({ places }) => places.get('a/odd:')!.add('a/odd_ (2)'), /is said to be at a\/odd_ \(2\)/], // oxfmt-ignore
  'a writer that is wrong': [({ truth: all }) => (all.get('a/changed')!.content = 'old'), /the writer is wrong about a\/changed/], // oxfmt-ignore
  'a source file that the writer does not know': [({ source }) => source.set('b', file('b')), /the writer does not know b/], // oxfmt-ignore
};

for (const [name, [harm, problem]] of Object.entries(harms))
  test(`${name} is noticed`, (t) => {
    const here = structuredClone({ ...scene(), placeOf: undefined }) as unknown as Scene;
    here.placeOf = scene().placeOf;
    harm(here);
    t.regex(checkArrived(here).problems.join('\n'), problem);
  });

test('what a run that had nothing to do touched is noticed', (t) => {
  const { arrived } = scene();
  t.deepEqual(checkUntouched(arrived, new Map(arrived)), []);
  const after = new Map(arrived).set('a/changed', file('new', { id: '1', versions: 3 }));
  after.delete('a/gone');
  t.is(checkUntouched(arrived, after).length, 2);
});

test('what was renamed, and moved without a report, is no problem', (t) => {
  const here = scene();
  here.arrived.delete('a/gone');
  here.reported.get('a/gone')!.isKept = true;
  t.regex(checkArrived(here).problems.join('\n'), /a\/gone as migrated, and it is not there/);
  here.truth.get('a/gone')!.wasRenamed = true;
  t.deepEqual(checkArrived(here).problems, []);
});

/** A file that was renamed and one that was deleted, which was kept. */
function tidiedScene(): TidiedSeen {
  const was = file('x', { id: '1', versions: 1 });
  const deleted = file('y', { id: '2' });
  return {
    tidied: { moved: new Map([['was:', 'is']]), deleted: ['deleted'] },
    before: new Map([['was_', was], ['deleted', deleted]]), // oxfmt-ignore
    after: new Map([['is', { ...was, versions: 2 }], ['deleted', deleted]]), // oxfmt-ignore
    isGoneRecycled: false,
    placeOf: (name) => name.replaceAll(':', '_'),
  };
}

test('what somebody tidied up is where it has to be', (t) => {
  t.deepEqual(checkTidied(tidiedScene()), []);
  const recycled = { ...tidiedScene(), isGoneRecycled: true };
  t.regex(checkTidied(recycled).join('\n'), /deleted was deleted and not recycled/);
  recycled.after.delete('deleted');
  t.deepEqual(checkTidied(recycled), []);
});

const tidiedHarms: Record<string, [harm: (scene: TidiedSeen) => unknown, problem: RegExp]> = {
  'written anew': [({ after }) => (after.get('is')!.id = '9'), /was: was renamed to is/],
  'lost': [({ after }) => after.delete('is'), /became nothing/], // oxfmt-ignore
  'there twice': [({ after }) => after.set('was_', file('x')), /is there still/],
  'deleted and not kept': [({ after }) => after.delete('deleted'), /was deleted and not kept/],
};

for (const [name, [harm, problem]] of Object.entries(tidiedHarms))
  test(`a renamed or deleted file that is ${name} is noticed`, (t) => {
    const here = tidiedScene();
    harm(here);
    t.regex(checkTidied(here).join('\n'), problem);
  });
