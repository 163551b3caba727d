import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { openSealedBox } from './sealed-box.ts';

function makeFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-box-'));
  const keyFile = path.join(folder, 'key');
  return { folder, keyFile, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

const secret = Buffer.from('https://upload/?tempauth=secret');

for (const [what, bytes] of [
  ['a secret', secret],
  ['nothing', Buffer.alloc(0)],
  ['much', Buffer.alloc(1_000_000, 'x')],
] as const)
  test(`${what} comes out as it went in, also after a restart`, (t) => {
    using place = makeFolder();
    const sealed = openSealedBox(place.keyFile).seal(bytes);
    t.deepEqual(Buffer.from(openSealedBox(place.keyFile).open(sealed)!), Buffer.from(bytes));
  });

test('what is sealed shows nothing, and never looks the same twice', (t) => {
  using place = makeFolder();
  const box = openSealedBox(place.keyFile);
  const [one, other] = [Buffer.from(box.seal(secret)), Buffer.from(box.seal(secret))];
  t.false(one.includes('tempauth'));
  t.false(one.equals(other));
});

test('the key is readable by its owner only, and stays', (t) => {
  using place = makeFolder();
  openSealedBox(place.keyFile);
  const key = readFileSync(place.keyFile);
  t.is(key.length, 32);
  t.is(statSync(place.keyFile).mode & 0o777, 0o600);
  openSealedBox(place.keyFile);
  t.deepEqual(readFileSync(place.keyFile), key);
});

test('what was changed anywhere, cut, or sealed with another key is not opened', (t) => {
  using place = makeFolder();
  const box = openSealedBox(place.keyFile);
  const sealed = Buffer.from(box.seal(secret));
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed);
    changed[index]! ^= 1;
    t.is(box.open(changed), undefined);
  }
  for (let length = 0; length < sealed.length; length++)
    t.is(box.open(sealed.subarray(0, length)), undefined);
  t.is(openSealedBox(`${place.keyFile}-2`).open(sealed), undefined);
});

const unusable: [what: string, spoil: (keyFile: string) => void][] = [
  ['is too short', (keyFile) => writeFileSync(keyFile, 'short')],
  ['is empty, as after a crash', (keyFile) => writeFileSync(keyFile, '')],
  ['is a folder', (keyFile) => mkdirSync(keyFile)],
  ['lies in no folder', (keyFile) => rmSync(path.dirname(keyFile), { recursive: true })],
];
for (const [what, spoil] of unusable)
  test(`a key that ${what} is refused by name, and not replaced`, (t) => {
    using place = makeFolder();
    spoil(place.keyFile);
    const error = t.throws(() => openSealedBox(place.keyFile), { instanceOf: DroverError });
    t.is(error.reason, ErrorReason.INVALID_ARGUMENT);
    t.true(error.message.includes(place.keyFile), error.message);
    mkdirSync(place.folder, { recursive: true });
  });

test('a key that may not be read is refused by name', (t) => {
  using place = makeFolder();
  openSealedBox(place.keyFile);
  chmodSync(place.keyFile, 0);
  // Root reads everything.
  if (process.getuid?.() === 0) {
    t.notThrows(() => openSealedBox(place.keyFile));
    return;
  }
  const error = t.throws(() => openSealedBox(place.keyFile), { instanceOf: DroverError });
  t.regex(error.message, /EACCES/);
});
