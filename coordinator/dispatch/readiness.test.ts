// What a scan says about readiness, on a real store, page by page.
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, type Item } from '../../gen/drover/v1/item_pb.ts';
import {
  ReadinessIssueKind,
  ReadinessSeverity,
  ReadinessStatus,
  type Readiness,
} from '../../gen/drover/v1/readiness_pb.ts';
import { comparePaths } from '../plan/path-order.ts';
import { showReadiness } from '../plan/show-readiness.ts';
import { numbersOf, type Below } from '../store/testing/random.ts';
import { openNamedTask, type NamedRun, type NamedTask } from './testing/named-task.ts';
import type { Entry } from './testing/scripted-agent.ts';

const folder = 'file:///srv/to';
const { FILE, FOLDER, SYMBOLIC_LINK, SPECIAL } = ItemKind;

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
]; // oxfmt-ignore

for (const [name, entries, issues, status] of cases)
  test(`readiness: ${name}`, async (t) => {
    const readiness = await scanned(t, entries.length === 0 ? [] : [entries]);
    t.deepEqual(words(readiness), issues);
    t.is(readiness.status, status);
    t.true(readiness.scanComplete);
    for (const { advice } of readiness.issues) t.not(advice, '');
  });

test('at a destination folder names stay as they are, and nothing is said that is true only of SharePoint', async (t) => {
  const entries: Entry[] = [file('A.aspx'), file('a.aspx'), file('b?'), { path: 'p_files', kind: FOLDER }]; // oxfmt-ignore
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

test('folders with many items in them are told, wherever pages end', async (t) => {
  const many = Array.from({ length: 5001 }, (_, index) => file(`a/${String(index).padStart(4, '0')}`)); // oxfmt-ignore
  const link: Entry = { path: 'a/z', kind: SYMBOLIC_LINK };
  const few = many.slice(1).map(({ path }) => file(path.replace('a/', 'b/')));
  const entries: Entry[] = [{ path: 'a', kind: FOLDER }, ...many, { path: 'b', kind: FOLDER }, ...few, { ...link, path: 'b/z' }]; // oxfmt-ignore
  const readiness = await scanned(
    t,
    pagesOf(entries, () => 1999),
    { restarts: true },
  );
  t.deepEqual(words(readiness), [
    'WARNING LEFT_OUT SYMBOLIC_LINK 1: b/z',
    'WARNING FOLDER_CROWDED  1: a',
  ]);
  t.deepEqual(
    words(
      await scanned(
        t,
        pagesOf(entries, () => 1999),
        { destination: folder },
      ),
    ),
    ['WARNING LEFT_OUT SYMBOLIC_LINK 1: b/z'],
  );
});

test('a page that is sent again, and a scan that goes on after a restart, count nothing twice', async (t) => {
  const entries = randomTree(numbersOf(7), 300);
  const pages = pagesOf(entries, () => 40);
  const whole = await scanned(t, pages);
  const task = await openNamedTask(t);
  await task.begin({ scanOnly: true });
  for (const [index, page] of pages.entries()) {
    await task.sendPage(BigInt(index + 1), page);
    if (index % 2 === 0) await task.restart();
    await task.sendPage(BigInt(index + 1), page);
    const { scanComplete, files, folders } = await readinessOf(task);
    t.false(scanComplete);
    t.true(files + folders <= BigInt((index + 1) * 40));
  }
  await task.endScan(BigInt(pages.length));
  t.deepEqual(await readinessOf(task), whole);
});

for (const seed of [1, 2, 3, 4])
  for (const destination of [undefined, folder])
    test(`a slow judge of the plan's items says the same of random tree ${seed}, at ${destination ?? 'a library'}`, async (t) => {
      const below = numbersOf(seed);
      const entries = randomTree(below, 400);
      const pages = pagesOf(entries, () => 1 + below(60));
      const task = await openNamedTask(t, destination);
      const items = await task.scan(pages, { scanOnly: true, restarts: seed === 1 });
      const readiness = await readinessOf(task);
      const judged = judge(entries, items, destination === undefined);
      t.deepEqual(countsOf(readiness), judged);
      const { ready, withWarnings, withErrors, leftOut } = judged;
      t.true([ready, withWarnings, withErrors, leftOut].every((count) => count > 0) || destination !== undefined); // oxfmt-ignore
    });

/** Everything that the judge says too. */
function countsOf(readiness: Readiness) {
  const { files, folders, ready, withWarnings, withErrors, leftOut } = readiness;
  const classes = (list: Readiness['sizes']) =>
    Object.fromEntries(list.map((one) => [one.class, [Number(one.files), one.bytes]]));
  return {
    files: Number(files),
    folders: Number(folders),
    ready: Number(ready!.items),
    withWarnings: Number(withWarnings!.items),
    withErrors: Number(withErrors!.items),
    leftOut: Number(leftOut!.items),
    bytes: ready!.bytes + withWarnings!.bytes + withErrors!.bytes + leftOut!.bytes,
    deepestLevel: readiness.deepestLevel,
    largest: readiness.largestFiles.map(({ path, bytes }) => [path, bytes]),
    issues: Object.fromEntries(
      readiness.issues.map(({ kind, reason, items, bytes, samples }) => [
        `${nameIn(ReadinessIssueKind, kind)} ${nameIn(ErrorReason, reason)}`,
        [Number(items), bytes, samples],
      ]),
    ),
    sizes: classes(readiness.sizes),
    ages: classes(readiness.ages),
    extensions: classes(readiness.extensions),
    months: classes(readiness.months),
  };
}

/** The same of the items of the plan, all at once, without a thought for speed. */
function judge(entries: readonly Entry[], items: readonly Item[], isTenant: boolean) {
  const scan = new Map(entries.map((entry) => [entry.path, entry]));
  const found = items.map((item) => ({ item, entry: scan.get(item.path)!, issues: issuesOf(item, isTenant) })); // oxfmt-ignore
  const isLeftOut = ({ reason }: Item) => reason === ErrorReason.FILTERED || reason === ErrorReason.TEMPORARY_FILE; // oxfmt-ignore
  const classOf = ({ item, issues }: (typeof found)[number]) => {
    if (item.action === ItemAction.FAIL) return 'withErrors';
    if (isLeftOut(item)) return 'leftOut';
    return issues.some((issue) => warnings.test(issue)) ? 'withWarnings' : 'ready';
  };
  const count = (name: string) => found.filter((one) => classOf(one) === name).length;
  const files = found.filter(({ item }) => item.kind === ItemKind.FILE && !isLeftOut(item));
  const grouped = (key: (entry: Entry) => string) => {
    const groups: Record<string, [files: number, bytes: bigint]> = {};
    for (const { entry } of files) {
      const [before, bytes] = groups[key(entry)] ?? [0, 0n];
      groups[key(entry)] = [before + 1, bytes + entry.size!];
    }
    return groups;
  };
  const issues: Record<string, [number, bigint, string[]]> = {};
  for (const { item, entry, issues: own } of found)
    for (const issue of own) {
      const [before, bytes, samples] = issues[issue] ?? [0, 0n, []];
      const shown = samples.length < 10 ? [...samples, item.path] : samples;
      issues[issue] = [before + 1, bytes + (entry.size ?? 0n), shown];
    }
  const read = files.reduce((sum, { entry }) => sum + entry.size!, 0n);
  if (files.length > 0) issues['READING_NOT_TRIED UNSPECIFIED'] = [files.length, read, []];
  const bySize = files.toSorted((one, other) => Number(other.entry.size! - one.entry.size!));
  return {
    files: items.filter(({ kind }) => kind === ItemKind.FILE).length,
    folders: items.filter(({ kind }) => kind === ItemKind.FOLDER).length,
    ready: count('ready'),
    withWarnings: count('withWarnings'),
    withErrors: count('withErrors'),
    leftOut: count('leftOut'),
    bytes: entries.reduce((sum, { size = 0n }) => sum + size, 0n),
    deepestLevel: Math.max(...items.map(({ path }) => path.split('/').length)),
    largest: bySize.slice(0, 20).map(({ entry }) => [entry.path, entry.size!]),
    issues,
    sizes: grouped(({ size }) => sizeNames.find(([, max]) => size! <= max)![0]),
    ages: grouped(({ modifiedNs }) => ageName(modifiedNs!)),
    extensions: grouped(({ path }) => pathExtension(path)),
    months: grouped(({ modifiedNs }) => modifiedNs === 0n ? 'unknown' : new Date(Number(modifiedNs! / 1_000_000n)).toISOString().slice(0, 7)), // oxfmt-ignore
  };
}

const warnings = /^(?:NAME_REPLACED|NAME_COLLIDES|SCRIPT_TYPE|THICKET_FOLDER|LEFT_OUT (?:SYMBOLIC_LINK|SPECIAL_FILE))/; // oxfmt-ignore

/** By the words that the plan says to people about the new name, which are made otherwise. */
function issuesOf(item: Item, isTenant: boolean): string[] {
  const { path, action, kind, reason, size } = item;
  const reasonName = nameIn(ErrorReason, reason);
  if (action === ItemAction.FAIL) return [`CANNOT_MIGRATE ${reasonName}`];
  if (action === ItemAction.SKIP) return reason === ErrorReason.FILTERED ? [] : [`LEFT_OUT ${reasonName}`]; // oxfmt-ignore
  const issues: string[] = [];
  if (kind === ItemKind.FILE && size === 0n) issues.push('EMPTY_FILE UNSPECIFIED');
  if (!isTenant) return issues;
  const name = path.split('/').at(-1)!;
  const isScript = ['.aspx', '.jar'].some((end) => name.toLowerCase().endsWith(end));
  if (kind === ItemKind.FILE && isScript) issues.push('SCRIPT_TYPE UNSPECIFIED');
  if (kind === ItemKind.FOLDER && name.endsWith('_files')) issues.push('THICKET_FOLDER UNSPECIFIED'); // oxfmt-ignore
  const { renamedBecause } = item;
  if (renamedBecause === '' || renamedBecause.startsWith('it is in the folder')) return issues;
  if (renamedBecause.includes('another item has the name'))
    issues.push('NAME_COLLIDES UNSPECIFIED'); // oxfmt-ignore
  else if (renamedBecause.includes('decomposed')) issues.push('NAME_COMPOSED UNSPECIFIED');
  else issues.push('NAME_REPLACED UNSPECIFIED');
  return issues;
}

const kib = 1024n;
const sizeNames: [name: string, max: bigint][] = [
  ['empty', 0n],
  ['up to 100 KiB', 100n * kib],
  ['up to 1 MiB', kib ** 2n],
  ['up to 10 MiB', 10n * kib ** 2n],
  ['up to 100 MiB', 100n * kib ** 2n],
  ['up to 1 GiB', kib ** 3n],
  ['up to 10 GiB', 10n * kib ** 3n],
  ['up to 100 GiB', 100n * kib ** 3n],
  ['up to 250 GiB', 250n * kib ** 3n],
  ['larger', 2n ** 64n],
];

/** Runs of this task were asked for a second after 1970 began. */
function ageName(modifiedNs: bigint): string {
  if (modifiedNs === 0n) return 'unknown';
  // In whole milliseconds, from the beginning of the one that it is in.
  const intoMs = ((modifiedNs % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const days = (1000 - Number((modifiedNs - intoMs) / 1_000_000n)) / 86_400_000;
  if (days < 30) return 'less than 30 days';
  if (days < 90) return 'less than 90 days';
  if (days < 365) return 'less than 1 year';
  if (days < 3 * 365) return 'less than 3 years';
  return days < 7 * 365 ? 'less than 7 years' : '7 years and more';
}

function pathExtension(path: string): string {
  const name = path.split('/').at(-1)!;
  const [, extension = ''] = /^.+\.([^.]+)$/s.exec(name) ?? [];
  return extension === '' || extension.length > 32 ? 'none' : extension.toLowerCase();
}

/** A tree with all that is odd in it, in the order of a scan. */
function randomTree(below: Below, count: number): Entry[] {
  const folders = [''];
  const entries = new Map<string, Entry>();
  const names = ['a', 'A', 'b?', 'b_', 'c.txt', 'C.TXT', 'p_files', 'x.aspx', 'y.jar', '.hidden', 'e\u0301', 'e\u0301.md', '~$w.docx', 'con', 'ends.', 'sp ', `${'l'.repeat(40)}.${'e'.repeat(33)}`, 'two.tar.gz', '_vti_x', 'Z'.repeat(256)]; // oxfmt-ignore
  const pick = <T>(list: readonly T[]) => list[below(list.length)]!;
  for (let number = 0; number < count; number += 1) {
    const parent = pick(folders);
    const name = below(3) === 0 ? pick(names) : `n${below(200)}.${pick(['doc', 'DOC', 'pdf', 'jpg'])}`; // oxfmt-ignore
    const path = parent === '' ? name : `${parent}/${name}`;
    if (entries.has(path)) continue;
    const kind = pick([FILE, FILE, FILE, FILE, FOLDER, below(10) === 0 ? SYMBOLIC_LINK : FILE, below(10) === 0 ? SPECIAL : FILE]); // oxfmt-ignore
    const reason = below(12) === 0 ? pick([ErrorReason.FILTERED, ErrorReason.SOURCE_ACCESS_DENIED]) : undefined; // oxfmt-ignore
    // The bounds of the classes, and one more.
    const size = kind === FILE ? pick(sizeNames.slice(0, -1))[1] + BigInt(below(2)) : 0n;
    const modifiedNs = below(20) === 0 ? 0n : 1_000_000_000n - BigInt(below(4000)) * 86_400_000_000_000n + BigInt(below(2)); // oxfmt-ignore
    entries.set(path, { path, kind, size, modifiedNs, ...(reason && { remark: { reason, message: 'why' } }) }); // oxfmt-ignore
    if (kind === FOLDER && reason === undefined) folders.push(path);
  }
  return [...entries.values()].toSorted((one, other) => comparePaths(one.path, other.path));
}

function pagesOf(entries: readonly Entry[], size: () => number): Entry[][] {
  const pages: Entry[][] = [];
  for (let from = 0; from < entries.length;) {
    const page = entries.slice(from, from + size());
    pages.push(page);
    from += page.length;
  }
  return pages;
}
