// The writer's truth is what is on the disk, after any changes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { readFolder } from './chaos-arrived.ts';
import { Random } from './chaos-random.ts';
import { Share } from './chaos-share.ts';

test('after any changes the truth is what is on the disk', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const share = Share.make(path.join(folder, 'share'), { files: 100, largeFiles: 1 }, new Random(3)); // oxfmt-ignore
  // Files rest after a change, so not all of these find one.
  const made = Array.from({ length: 40 }, () => share.change());
  await new Promise((resolve) => setTimeout(resolve, 60));
  made.push(...Array.from({ length: 120 }, () => share.change()));
  const words = new Set(made.map((text) => text.split(' ')[0]));
  t.true(words.size >= 8, [...words].join(', '));
  const found = [...readFolder(share.folder)].filter(([, { isFolder }]) => !isFolder);
  const there = new Map(found.map(([name, { sha256 }]) => [name, sha256]));
  const live = share.files();
  t.deepEqual([...there.keys()].sort(), live.sort());
  for (const name of live) t.is(there.get(name), share.truth.get(name)!.content, name);
  t.true([...share.truth.values()].some(({ contents }) => contents.size > 2));
  t.true([...share.truth.values()].some(({ content }) => content === undefined));
});

test('what is tidied up is said, whatever was renamed twice', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const share = Share.make(path.join(folder, 'share'), { files: 100, largeFiles: 0 }, new Random(5)); // oxfmt-ignore
  const before = readFolder(share.folder);
  const { moved, deleted } = share.tidy();
  const after = readFolder(share.folder);
  t.true(moved.size > 5 && deleted.length === 5);
  for (const [name, other] of moved) t.deepEqual(after.get(other), before.get(name));
  for (const name of [...moved.keys(), ...deleted]) t.false(after.has(name));
  const files = [...after].filter(([, { isFolder }]) => !isFolder);
  t.deepEqual(files.map(([name]) => name).sort(), share.files().sort());
});
