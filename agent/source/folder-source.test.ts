import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { compareNames, escapedName } from './folder-names.ts';
import { openFolderSource } from './folder-source.ts';
import { openSource } from './open-source.ts';
import { printablePath } from './printable-path.ts';
import type { Source } from './source.ts';

interface Place extends Disposable {
  root: string;
  source: Source;
  below(relative: string): string;
}

function makePlace(): Place {
  const scratch = mkdtempSync(path.join(tmpdir(), 'drover-source-'));
  const root = path.join(scratch, 'source');
  mkdirSync(root);
  return {
    root,
    source: openFolderSource(root),
    below: (relative) => path.join(root, relative),
    [Symbol.dispose]: () => rmSync(scratch, { recursive: true }),
  };
}

function reasonOf(call: () => unknown): ErrorReason | undefined {
  try {
    call();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof DroverError) return thrown.reason;
    throw thrown;
  }
}

test('the source itself is checked', (t) => {
  using place = makePlace();
  place.source.check();
  writeFileSync(place.below('file'), '');
  const check = (relative: string) =>
    reasonOf(() => openFolderSource(place.below(relative)).check());
  t.is(check('missing'), ErrorReason.SOURCE_NOT_FOUND);
  t.is(check('file'), ErrorReason.SOURCE_NOT_A_FOLDER);
  t.is(check('file/below'), ErrorReason.SOURCE_NOT_A_FOLDER);
});

for (const text of ['\\\\server\\share', 'https://contoso.sharepoint.com/sites/hr'])
  test(`no agent reads from ${text} yet`, (t) =>
    t.is(
      reasonOf(() => openSource(text)),
      ErrorReason.SOURCE_UNSUPPORTED,
    ));

test('names are sorted by their UTF-8 bytes', (t) => {
  using place = makePlace();
  const names = ['a', 'a!', 'B', 'a.b', '\uffee', '😀', 'é', ' ', '-', 'ab', '\n'];
  for (const name of names) writeFileSync(place.below(name), '');
  const found = place.source.list('').map((entry) => entry.name);
  const bytes = (text: string) => Buffer.from(text);
  t.deepEqual(
    found,
    [...names].sort((a, b) => Buffer.compare(bytes(a), bytes(b))),
  );
  for (const one of names)
    for (const other of names)
      t.is(compareNames(one, other), Buffer.compare(bytes(one), bytes(other)));
});

test('names that are not Unicode are found and shown', (t) => {
  using place = makePlace();
  const folder = Buffer.from(`${place.root}/`);
  const name = (text: string) => Buffer.concat([folder, Buffer.from(text, 'latin1')]);
  writeFileSync(name('a\xff\xc3'), '');
  writeFileSync(place.below('a\\xff\\xc3'), '');
  writeFileSync(place.below('real \ufffd'), '');
  t.deepEqual(place.source.list(''), [
    { name: 'a\\xff\\xc3', validName: true },
    { name: 'a\\xff\\xc3?', validName: false },
    { name: 'real \ufffd', validName: true },
  ]);
  t.is(escapedName(Buffer.from('é\xff😀', 'utf8')), 'éÿ😀');
  t.is(escapedName(Buffer.from([0xe9, 0x61, 0xf0, 0x9f])), '\\xe9a\\xf0\\x9f');
});

test('facts are exact', (t) => {
  using place = makePlace();
  writeFileSync(place.below('file'), 'content');
  execFileSync('touch', ['-d', '2001-02-03T04:05:06.123456789Z', place.below('file')]);
  const facts = place.source.facts('file');
  t.is(facts.kind, ItemKind.FILE);
  t.is(facts.size, 7);
  t.is(facts.modifiedNs, 981_173_106_123_456_789n);
  t.is(facts.fileId, statSync(place.below('file'), { bigint: true }).ino);
  mkdirSync(place.below('folder'));
  t.is(place.source.facts('folder').kind, ItemKind.FOLDER);
  t.is(place.source.facts('folder').size, 0);
});

test('a file is read to its end', (t) => {
  using place = makePlace();
  writeFileSync(place.below('file'), 'content');
  using file = place.source.open('file');
  const buffer = Buffer.alloc(5);
  t.is(file.read(buffer, 0), 5);
  t.is(buffer.toString(), 'conte');
  t.is(file.read(buffer, 5), 2);
  t.is(buffer.toString(), 'ntnte');
  t.is(file.read(buffer, 7), 0);
});

test('facts of an open file show that it changes', (t) => {
  using place = makePlace();
  writeFileSync(place.below('file'), 'content');
  using file = place.source.open('file');
  const before = file.facts();
  t.deepEqual(file.facts(), before);
  appendFileSync(place.below('file'), 'more');
  t.is(file.facts().size, 11);
  // A change of anything shows, even where size and date stay the same.
  const changed = file.facts();
  linkSync(place.below('file'), place.below('other name'));
  t.not(file.facts().changedNs, changed.changedNs);
});

test('links are not followed, on no part of the way', (t) => {
  using place = makePlace();
  mkdirSync(place.below('folder/inner'), { recursive: true });
  writeFileSync(place.below('folder/inner/file'), '');
  symlinkSync('folder', place.below('link'));
  symlinkSync('folder/inner/file', place.below('file link'));
  symlinkSync('nowhere', place.below('broken link'));
  for (const name of ['link', 'file link', 'broken link'])
    t.is(place.source.facts(name).kind, ItemKind.SYMBOLIC_LINK);
  const open = (relative: string) => reasonOf(() => place.source.open(relative)[Symbol.dispose]());
  t.is(open('file link'), ErrorReason.SYMBOLIC_LINK);
  t.is(open('broken link'), ErrorReason.SYMBOLIC_LINK);
  t.is(open('link/inner/file'), ErrorReason.SYMBOLIC_LINK);
  t.is(open('link/inner/file'), ErrorReason.SYMBOLIC_LINK, 'the second time as well');
  t.is(open('folder/inner/file'), undefined);
});

test('pipes, sockets and devices are told, and never opened for long', async (t) => {
  using place = makePlace();
  execFileSync('mkfifo', [place.below('pipe')]);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(place.below('socket'), resolve));
  const names = ['pipe', 'socket'];
  for (const name of names) {
    t.is(place.source.facts(name).kind, ItemKind.SPECIAL);
    t.is(
      reasonOf(() => place.source.open(name)),
      ErrorReason.SPECIAL_FILE,
    );
  }
  t.is(
    reasonOf(() => openFolderSource('/dev').open('null')),
    ErrorReason.SPECIAL_FILE,
  );
  await new Promise((resolve) => server.close(resolve));
});

const outside = [
  '../secret',
  'a/../../secret',
  '..',
  '.',
  '/etc/passwd',
  'a//secret',
  'a/',
  'a\0b',
  './a',
];

for (const relative of outside)
  test(`nothing is read by the path ${JSON.stringify(relative)}`, (t) => {
    using place = makePlace();
    mkdirSync(place.below('a'));
    writeFileSync(path.join(place.root, '..', 'secret'), 'secret');
    const { source } = place;
    const calls = [() => source.open(relative), () => source.facts(relative), () => source.list(relative)]; // oxfmt-ignore
    for (const call of calls) t.is(reasonOf(call), ErrorReason.SOURCE_ACCESS_DENIED);
  });

test('what vanished, became a folder, or is too long is told', (t) => {
  using place = makePlace();
  writeFileSync(place.below('file'), '');
  const open = (relative: string) => reasonOf(() => place.source.open(relative));
  t.is(open('missing'), ErrorReason.SOURCE_VANISHED);
  t.is(open('missing/file'), ErrorReason.SOURCE_VANISHED);
  t.is(
    reasonOf(() => place.source.facts('file/below')),
    ErrorReason.SOURCE_VANISHED,
  );
  t.is(
    reasonOf(() => place.source.list('missing')),
    ErrorReason.SOURCE_VANISHED,
  );
  t.is(open('n'.repeat(256)), ErrorReason.PATH_TOO_LONG);
  renameSync(place.below('file'), place.below('moved'));
  mkdirSync(place.below('file'));
  t.is(open('file'), ErrorReason.SOURCE_CHANGED);
});

test('a path in a message cannot do anything to a terminal', (t) => {
  t.is(printablePath('a\n\x1b[31m\u202eb'), '"a\\x0a\\x1b[31m\\u202eb"');
  t.is(printablePath('日本 "x"'), '"日本 "x""');
  t.is(printablePath(''), 'the folder itself');
});
