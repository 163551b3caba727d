import test from 'ava';
import { encodePath, fileSystemInfo, readDriveItem, wholeSeconds } from './drive-item.ts';

const names: [path: string, encoded: string][] = [
  ['a/b', 'a/b'],
  ['with space/100%', 'with%20space/100%25'],
  ["it's #1 & more+", 'it%27s%20%231%20%26%20more%2B'],
  ['日本/e\u0301', '%E6%97%A5%E6%9C%AC/e%CC%81'],
  ['a?b=c', 'a%3Fb%3Dc'],
];
for (const [path, encoded] of names)
  test(`the path ${path} in an address`, (t) => {
    t.is(encodePath(path), encoded);
    t.is(decodeURIComponent(encoded), path);
  });

test('dates are whole seconds with a Z, because the service refuses more', (t) => {
  const times = { modifiedNs: 1_577_934_245_999_999_999n, createdNs: 1_577_934_245_000_000_000n };
  t.deepEqual(fileSystemInfo(times), {
    lastModifiedDateTime: '2020-01-02T03:04:05Z',
    createdDateTime: '2020-01-02T03:04:05Z',
  });
  t.deepEqual(Object.keys(fileSystemInfo({ ...times, createdNs: 0n })), ['lastModifiedDateTime']);
});

test('seconds are rounded down, before 1970 too, and kept to what a date column holds', (t) => {
  t.is(wholeSeconds(-1n), -1n);
  t.is(wholeSeconds(-1_000_000_000n), -1n);
  t.is(wholeSeconds(1_999_999_999n), 1n);
  const info = fileSystemInfo({ modifiedNs: -(2n ** 62n), createdNs: 2n ** 63n - 1n });
  t.is(info['lastModifiedDateTime'], '1900-01-01T00:00:00Z');
  t.is(info['createdDateTime'], '2262-04-11T23:47:16Z');
});

test('an item is read with what is missing as missing', (t) => {
  t.is(readDriveItem(undefined), undefined);
  t.is(readDriveItem(null), undefined);
  t.is(readDriveItem({ nextExpectedRanges: ['0-'] }), undefined);
  const item = readDriveItem({
    id: '01A',
    name: 'a',
    size: 3,
    eTag: '"{X},2"',
    cTag: '"c:{X},1"',
    file: { hashes: { quickXorHash: 'AAA=' } },
    fileSystemInfo: { lastModifiedDateTime: '2020-01-02T03:04:05Z' },
    publication: { level: 'checkout' },
  });
  t.like(item, {
    isFile: true,
    isFolder: false,
    isCheckedOut: true,
    quickXorHash: 'AAA=',
    size: 3,
  });
  t.is(item?.modifiedNs, 1_577_934_245_000_000_000n);
  t.is(readDriveItem({ id: '01B', file: {} })?.quickXorHash, undefined);
  t.false(
    readDriveItem({ id: '01C', folder: {}, package: { type: 'oneNote' } })!.isFolder,
    'a notebook',
  );
});
