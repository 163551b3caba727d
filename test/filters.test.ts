// Filters, through the real processes: over random trees and random settings, what is previewed, what is planned and what is at the destination
// afterwards is the same, and what a slow judge of the test says of each item, who shares no line with the product.
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { MessageInitShape } from '@bufbuild/protobuf';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { FilterPreviewState, type FilterPreview } from '../gen/drover/v1/filter_pb.ts';
import { ItemAction } from '../gen/drover/v1/item_pb.ts';
import type { TaskSettingsSchema } from '../gen/drover/v1/settings_pb.ts';
import { projectRoot, temporaryFolder } from './harness/folders.ts';
import { sharedStack } from './harness/shared.ts';
import { assertSucceeded, type Stack } from './harness/stack.ts';
import { readTree } from './harness/tree.ts';

type Settings = MessageInitShape<typeof TaskSettingsSchema>;

const test = anyTest as TestFn;
const shared = sharedStack();
let stack: Stack;

test.before(async () => {
  stack = await shared.take();
});

test.after.always(() => shared.leave());

/** Seeded chance; answers with a number below `n`. */
function chance(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

interface Node {
  path: string;
  isFolder: boolean;
  size: number;
  /** Days since 2024-01-01. */
  modifiedDay: number;
}

const dayMs = 86_400_000;
const dayZeroMs = Date.parse('2024-01-01T00:00:00Z');
const folderNames = ['Archive', 'build', 'src', '.git', 'Old', 'x'];
const fileNames = ['a.txt', 'b.TMP', 'c.tmp', '.hidden', 'Thumbs.db', 'd.tar.gz', 'report.docx', '~$report.docx', 'e', 'copy of e.txt']; // oxfmt-ignore

/** A random tree of some dozens of items, in the order of a walk. */
function randomTree(next: (n: number) => number): Node[] {
  const nodes = new Map<string, Node>();
  const fill = (below: string, depth: number) => {
    for (let count = 2 + next(6); count > 0; count -= 1) {
      const isFolder = depth < 3 && next(3) === 0;
      const names = isFolder ? folderNames : fileNames;
      const at = below + names[next(names.length)]!;
      if (nodes.has(at)) continue;
      nodes.set(at, { path: at, isFolder, size: isFolder ? 0 : next(40), modifiedDay: next(100) });
      if (isFolder) fill(`${at}/`, depth + 1);
    }
  };
  fill('', 0);
  return [...nodes.values()];
}

async function makeNodes(root: string, nodes: readonly Node[]): Promise<void> {
  await mkdir(root);
  for (const { path: at, isFolder } of nodes) if (isFolder) await mkdir(path.join(root, at), { recursive: true }); // oxfmt-ignore
  for (const { path: at, isFolder, size, modifiedDay } of nodes) {
    if (isFolder) continue;
    await writeFile(path.join(root, at), Buffer.alloc(size, 7));
    const time = new Date(dayZeroMs + modifiedDay * dayMs);
    await utimes(path.join(root, at), time, time);
  }
}

interface Choice {
  settings: Settings;
  /** Whether the setting leaves out an item, judged alone. */
  leavesOut: (node: Node) => boolean;
}

const nameOf = ({ path: at }: Node): string => at.slice(at.lastIndexOf('/') + 1);
const day = (number: number) => new Date(dayZeroMs + number * dayMs).toISOString().slice(0, 10);
const isFile = ({ isFolder }: Node) => !isFolder;

/** Every filter, with a judge who knows nothing but what the setting promises. */
const choices: readonly Choice[] = [
  { settings: { migrateHiddenItems: false }, leavesOut: (node) => nameOf(node).startsWith('.') },
  { settings: { migrateSystemItems: false }, leavesOut: (node) => nameOf(node) === 'Thumbs.db' },
  { settings: { excludeExtensions: { values: ['TMP:.tar.gz'] } }, leavesOut: (node) => isFile(node) && /.\.(?:tmp|tar\.gz)$/i.test(nameOf(node)) }, // oxfmt-ignore
  { settings: { excludePatterns: { values: ['*.txt', 'BUILD', '~$*'] } }, leavesOut: (node) => /\.txt$|^build$|^~\$/i.test(nameOf(node)) }, // oxfmt-ignore
  { settings: { excludePatterns: { values: ['*.txt', 'BUILD', '/src/*/e'] }, caseSensitivePatterns: true }, leavesOut: (node) => nameOf(node).endsWith('.txt') || /^src\/[^/]+\/e$/.test(node.path) }, // oxfmt-ignore
  { settings: { excludeFolders: { values: ['archive', '\\Old', 'src/x'] } }, leavesOut: (node) => node.isFolder && (/^archive$/i.test(nameOf(node)) || /^(?:old|src\/x)$/i.test(node.path)) }, // oxfmt-ignore
  { settings: { minSize: 5n, maxSize: 30n }, leavesOut: (node) => isFile(node) && (node.size < 5 || node.size > 30) }, // oxfmt-ignore
  { settings: { modifiedAfter: day(20), modifiedBefore: day(80) }, leavesOut: (node) => isFile(node) && (node.modifiedDay < 20 || node.modifiedDay >= 80) }, // oxfmt-ignore
  { settings: { createdAfter: '-1d' }, leavesOut: () => false },
  { settings: { includePatterns: { values: ['*.txt', '*.docx', 'src'] } }, leavesOut: (node) => isFile(node) && !/\.(?:txt|docx)$/i.test(nameOf(node)) && !/(?:^|\/)src\//i.test(node.path) }, // oxfmt-ignore
];

/** What is migrated: nothing of what a filter leaves out, nor of what lies in such a folder. */
function migrated(nodes: readonly Node[], leavesOut: (node: Node) => boolean): Set<string> {
  const out = nodes.filter(leavesOut).map((node) => node.path);
  const isOut = ({ path: at }: Node) => out.some((one) => at === one || at.startsWith(`${one}/`));
  return new Set(nodes.filter((node) => !isOut(node)).map((node) => node.path));
}

async function preview(source: string, settings: Settings): Promise<FilterPreview> {
  let last: FilterPreview | undefined;
  for await (const { preview: one } of stack.api.filters.previewFilters({ source, settings }))
    last = one;
  return last!;
}

async function check(t: ExecutionContext, seed: number): Promise<void> {
  const next = chance(seed);
  const nodes = randomTree(next);
  // Of two choices that set the same, the later would count alone.
  const picked = choices.filter((_, index) => index !== 4 && next(4) === 0);
  const used = picked.length > 0 ? picked : [choices[next(choices.length)]!];
  const settings: Settings = Object.assign({}, ...used.map((one) => one.settings));
  const wanted = migrated(nodes, (node) => used.some((one) => one.leavesOut(node)));
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  await makeNodes(source, nodes);
  const words = `seed ${seed}: ${JSON.stringify(used.map((one) => one.settings), (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`; // oxfmt-ignore

  const found = await preview(source, settings);
  t.is(found.state, FilterPreviewState.COMPLETE, words);
  t.is(Number(found.keptFiles + found.keptFolders), wanted.size, words);

  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href, settings: { ...settings, scanOnly: true } as never }); // oxfmt-ignore
  const plan = await stack.runToEnd(task);
  assertSucceeded(t, plan);
  const items = [...(await stack.items(plan)).values()];
  const planned = items.filter(({ action }) => action === ItemAction.CREATE).map((item) => item.path); // oxfmt-ignore
  t.deepEqual(planned.toSorted(), [...wanted].toSorted(), words);
  t.deepEqual(readTreeNames(destination), [], 'nothing is written by a run that only scans');
  const counts = (of: { rule: string; items: bigint; bytes: bigint }[]) => of.map(({ rule, items: count, bytes }) => `${rule} ${count} ${bytes}`).toSorted(); // oxfmt-ignore
  t.deepEqual(counts(plan.filtered), counts(found.rules), words);
  t.is(items.length, planned.length + plan.filtered.reduce((sum, one) => sum + Number(one.items), 0), words); // oxfmt-ignore

  await stack.api.tasks.updateTask({ task: { name: task, settings: { scanOnly: false } }, updateMask: { paths: ['settings.scan_only'] } }); // oxfmt-ignore
  assertSucceeded(t, await stack.runToEnd(task));
  t.deepEqual(readTreeNames(destination), [...wanted].toSorted(), words);
}

function readTreeNames(folder: string): string[] {
  try {
    return [...readTree(folder).keys()].toSorted();
  } catch {
    return [];
  }
}

test.serial(
  'preview, plan and destination agree with a slow judge on every item, seeded',
  async (t) => {
    t.timeout(240_000);
    const first = Number(process.env['SEED'] ?? 1);
    const rounds = Number(process.env['ROUNDS'] ?? 6);
    for (let seed = first; seed < first + rounds; seed += 1) await check(t, seed);
  },
);

test.serial('a manifest says what is migrated, and what of it is not there fails', async (t) => {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const [source, destination] = [path.join(folder, 'source'), path.join(folder, 'destination')];
  const node = (at: string, isFolder = false) => ({ path: at, isFolder, size: 3, modifiedDay: 1 });
  await makeNodes(source, [node('a', true), node('a/1'), node('a/2'), node('b', true), node('b/3'), node('c')]); // oxfmt-ignore
  const manifest = path.join(folder, 'wave.txt');
  await writeFile(manifest, '\ufeff# wave 1\r\na/1\r\nb/\r\nnone\r\n');
  const task = await stack.createTask({ source, destination: pathToFileURL(destination).href, settings: { manifest } as never }); // oxfmt-ignore
  const run = await stack.runToEnd(task);
  const items = await stack.items(run);
  t.is(items.get('none')?.reason, ErrorReason.SOURCE_VANISHED);
  t.is(run.progress!.failedItems, 1n);
  t.deepEqual(readTreeNames(destination), ['a', 'a/1', 'b', 'b/3']);
  await symlink(path.join(projectRoot, 'package.json'), path.join(folder, 'link.txt'));
  const settings = { manifest: path.join(folder, 'link.txt') };
  await stack.api.tasks.updateTask({ task: { name: task, settings }, updateMask: { paths: ['settings.manifest'] } }); // oxfmt-ignore
  const refused = await stack.runToEnd(task);
  t.regex(refused.error?.message ?? '', /link\.txt" lies outside what the agent may read/);
});
