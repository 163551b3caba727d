// What a scan says about readiness, on a real store, page by page.
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import {
  ReadinessIssueKind,
  ReadinessSeverity,
  ReadinessStatus,
  type Readiness,
} from '../../gen/drover/v1/readiness_pb.ts';
import { showReadiness } from '../plan/show-readiness.ts';
import { openNamedTask, type NamedRun, type NamedTask } from './testing/named-task.ts';
import type { Entry } from './testing/scripted-agent.ts';

const folder = 'file:///srv/to';
const { FOLDER, SYMBOLIC_LINK, SPECIAL } = ItemKind;

async function readinessOf(task: NamedTask): Promise<Readiness> {
  const row = await task.store.run(task.key);
  return showReadiness(await task.store.readiness(task.key), row!.run!);
}

async function scanned(
  t: ExecutionContext,
  pages: readonly (readonly Entry[])[],
  { destination, ...options }: NamedRun & { destination?: string } = {},
): Promise<Readiness> {
  const task = await openNamedTask(t, destination);
  await task.scan(pages, { scanOnly: true, ...options });
  return await readinessOf(task);
}

/** What is said of items, as `SEVERITY KIND REASON items: paths`; but for what is said of every scan. */
function words({ issues }: Readiness): string[] {
  return issues
    .filter(({ kind }) => kind !== ReadinessIssueKind.READING_NOT_TRIED)
    .map(
      ({ kind, severity, reason, items, samples }) =>
        `${nameIn(ReadinessSeverity, severity)} ${nameIn(ReadinessIssueKind, kind)} ${reason === 0 ? '' : nameIn(ErrorReason, reason)} ${items}: ${samples.join(', ')}`,
    );
}

function nameIn(values: Record<string, unknown>, value: number): string {
  return Object.entries(values).find(([, one]) => one === value)![0];
}

const file = (path: string, more: Partial<Entry> = {}): Entry => ({ path, size: 1n, ...more });
const remark = (reason: ErrorReason) => ({ remark: { reason, message: 'why' } });

const cases: [name: string, entries: Entry[], issues: string[], status: ReadinessStatus][] = [
  ['nothing', [], [], ReadinessStatus.READY],
  ['a file as any other', [file('a.txt')], [], ReadinessStatus.READY],
  ['a file without content', [file('a', { size: 0n })], ['INFO EMPTY_FILE  1: a'], ReadinessStatus.READY],
  ['a name that SharePoint does not take', [file('a?.txt')], ['WARNING NAME_REPLACED  1: a?.txt'], ReadinessStatus.WARNINGS],
  ['a folder with such a name, but not what is in it', [{ path: 'a?', kind: FOLDER }, file('a?/b')], ['WARNING NAME_REPLACED  1: a?'], ReadinessStatus.WARNINGS],
  ['names that are one', [file('A.txt'), file('a.txt')], ['WARNING NAME_COLLIDES  1: a.txt'], ReadinessStatus.WARNINGS],
  ['a name that the replaced one of another is', [file('a?'), file('a_')], ['WARNING NAME_REPLACED  1: a?', 'WARNING NAME_COLLIDES  1: a_'], ReadinessStatus.WARNINGS],
  ['a replaced name that another has', [file('a*'), file('a?')], ['WARNING NAME_REPLACED  1: a*', 'WARNING NAME_COLLIDES  1: a?'], ReadinessStatus.WARNINGS],
  ['a decomposed name', [file('e\u0301')], ['INFO NAME_COMPOSED  1: e\u0301'], ReadinessStatus.READY],
  ['types that are scripts', [file('a.ASPX'), file('b.aspx.txt'), { path: 'c.jar', kind: FOLDER }], ['WARNING SCRIPT_TYPE  1: a.ASPX'], ReadinessStatus.WARNINGS],
  ['a folder of the parts of a page', [{ path: 'p_files', kind: FOLDER }, file('q_files')], ['WARNING THICKET_FOLDER  1: p_files'], ReadinessStatus.WARNINGS],
  ['a link', [{ path: 'l', kind: SYMBOLIC_LINK }], ['WARNING LEFT_OUT SYMBOLIC_LINK 1: l'], ReadinessStatus.WARNINGS],
  ['a socket', [{ path: 's', kind: SPECIAL }], ['WARNING LEFT_OUT SPECIAL_FILE 1: s'], ReadinessStatus.WARNINGS],
  ['what Word leaves', [file('~$a.docx')], ['INFO LEFT_OUT TEMPORARY_FILE 1: ~$a.docx'], ReadinessStatus.READY],
  ['what a filter leaves out', [file('a', remark(ErrorReason.FILTERED))], [], ReadinessStatus.READY],
  ['what cannot be read', [file('a', remark(ErrorReason.SOURCE_ACCESS_DENIED)), file('b', remark(ErrorReason.SOURCE_READ_FAILED))], ['ERROR CANNOT_MIGRATE SOURCE_ACCESS_DENIED 1: a', 'ERROR CANNOT_MIGRATE SOURCE_READ_FAILED 1: b'], ReadinessStatus.ERRORS],
  ['a file that is too large, and one that is not', [file('a', { size: 250n * 2n ** 30n }), file('b', { size: 250n * 2n ** 30n + 1n })], ['ERROR CANNOT_MIGRATE FILE_TOO_LARGE 1: b'], ReadinessStatus.ERRORS],
  ['a name that is too long', [file(`${'a'.repeat(256)}`)], [`ERROR CANNOT_MIGRATE PATH_TOO_LONG 1: ${'a'.repeat(256)}`], ReadinessStatus.ERRORS],
  ['a name that is none', [file('_vti_a')], ['ERROR CANNOT_MIGRATE NAME_INVALID 1: _vti_a'], ReadinessStatus.ERRORS],
]; // prettier-ignore

for (const [name, entries, issues, status] of cases)
  test(`readiness: ${name}`, async (t) => {
    const readiness = await scanned(t, entries.length === 0 ? [] : [entries]);
    t.deepEqual(words(readiness), issues);
    t.is(readiness.status, status);
    t.true(readiness.scanComplete);
    for (const { advice } of readiness.issues) t.not(advice, '');
  });

test('at a destination folder names stay as they are, and nothing is said that is true only of SharePoint', async (t) => {
  const entries: Entry[] = [file('A.aspx'), file('a.aspx'), file('b?'), { path: 'p_files', kind: FOLDER }]; // prettier-ignore
  const readiness = await scanned(t, [entries], { destination: folder });
  t.deepEqual(words(readiness), []);
  t.is(readiness.status, ReadinessStatus.READY);
  t.is(readiness.longestPathLength, 'p_files'.length);
});

test('a character that is refused rather than replaced is an error', async (t) => {
  const readiness = await scanned(t, [[file('a?')]], { replacement: '' });
  t.deepEqual(words(readiness), ['ERROR CANNOT_MIGRATE NAME_INVALID 1: a?']);
});

test('a run that migrates has no readiness, one whose plan has to be approved has', async (t) => {
  const task = await openNamedTask(t);
  await task.scan([[file('a')]]);
  t.is(await task.store.readiness(task.key), undefined);
  await task.scan([[file('a?')]], { settings: { requireApproval: true } });
  t.deepEqual(words(await readinessOf(task)), ['WARNING NAME_REPLACED  1: a?']);
  t.deepEqual(await task.store.latestReadiness(task.key.task), task.key);
});
