import test from 'ava';
import { DroverError } from './error.ts';
import {
  destinationRootLength,
  holds,
  overlaps,
  parseLocation,
  type Location,
} from './location.ts';

const good: [text: string, location: Location][] = [
  ['/srv/share', { kind: 'file', path: '/srv/share' }],
  ['/srv//share/./a/../b/', { kind: 'file', path: '/srv/share/b' }],
  ['/', { kind: 'file', path: '/' }],
  ['file:///srv/a%20b', { kind: 'file', path: '/srv/a b' }],
  ['C:\\data\\x', { kind: 'file', path: 'C:\\data\\x' }],
  ['C:/data', { kind: 'file', path: 'C:\\data' }],
  ['\\\\server\\share\\dir', { kind: 'unc', server: 'server', share: 'share', path: 'dir' }],
  ['file://server/share/dir', { kind: 'unc', server: 'server', share: 'share', path: 'dir' }],
  ['C:\\a\\..\\..\\..\\b\\.', { kind: 'file', path: 'C:\\b' }],
  ['C:\\..', { kind: 'file', path: 'C:\\' }],
  ['/..', { kind: 'file', path: '/' }],
  ['file:///C:/a%20b/x', { kind: 'file', path: 'C:\\a b\\x' }],
  ['file:///c:', { kind: 'file', path: 'c:\\' }],
  ['\\\\?\\C:\\data\\x', { kind: 'file', path: 'C:\\data\\x' }],
  [
    '\\\\?\\unc\\server\\share\\dir',
    { kind: 'unc', server: 'server', share: 'share', path: 'dir' },
  ],
  [
    '\\\\server\\share\\a\\..\\..\\b\\.\\c\\',
    { kind: 'unc', server: 'server', share: 'share', path: 'b\\c' },
  ],
  [
    'https://contoso.sharepoint.com/sites/hr',
    {
      kind: 'sharepoint',
      place: { kind: 'path', host: 'contoso.sharepoint.com', path: 'sites/hr' },
    },
  ],
  ['ann@contoso.com', { kind: 'sharepoint', place: { kind: 'onedrive', user: 'ann@contoso.com', folder: '' } }], // oxfmt-ignore
  ['ann@contoso.com/A/b', { kind: 'sharepoint', place: { kind: 'onedrive', user: 'ann@contoso.com', folder: 'A/b' } }], // oxfmt-ignore
];
for (const [text, location] of good)
  test(`location ${text}`, (t) => t.deepEqual(parseLocation(text, 'task.source'), location));

const bad = ['', 'share', './share', 'http://x/y', 'ftp://x', '\\\\server', '\\\\server\\..', '\\\\server\\..\\x', '\\\\?\\Volume{1}\\x', '\\\\.\\PhysicalDrive0', '\\\\?\\', '\\\\?\\UNC\\x', 'a\0b', '/a\0b', 'file:///a%00', 'file:///a?b', `/${'a'.repeat(4096)}`, 'https://', 'https://x/y', 'ann@contoso', 'contoso.sharepoint.com/sites/hr']; // oxfmt-ignore
for (const text of bad)
  test(`not a location: ${JSON.stringify(text.slice(0, 20))}`, (t) => {
    const error = t.throws(() => parseLocation(text, 'task.source'), { instanceOf: DroverError });
    t.is(error?.violations[0]?.field, 'task.source');
  });

test('overlap is told by whole names', (t) => {
  const at = (text: string) => parseLocation(text, 'x');
  t.true(overlaps(at('/a/b'), at('/a/b/c')));
  t.true(overlaps(at('/a/b/c'), at('/a/b')));
  t.true(overlaps(at('/a'), at('/a/')));
  t.true(overlaps(at('/'), at('/a')));
  t.false(overlaps(at('/a/b'), at('/a/bc')));
  t.true(overlaps(at('\\\\S\\x\\a'), at('\\\\s\\X')));
});

const lengths: [text: string, length: number][] = [
  [
    'https://contoso.sharepoint.com/sites/hr/Shared%20Documents/',
    'sites/hr/Shared Documents'.length,
  ],
  ['https://contoso.sharepoint.com', 0],
  ['ann.lee@contoso.com', 'personal/ann_lee_contoso_com/Documents'.length],
  ['/srv/share', 0],
];
for (const [text, length] of lengths)
  test(`length of ${text} as a root`, (t) =>
    t.is(destinationRootLength(parseLocation(text, 'task.destination')), length));

const containments: [outer: string, inner: string, holds: boolean][] = [
  ['/srv', '/srv', true],
  ['/srv', '/srv/a', true],
  ['/srv/', '/srv/a/b', true],
  ['/', '/srv', true],
  ['/srv', '/srv2', false],
  ['/srv/a', '/srv', false],
  ['/srv', '/SRV/a', false],
  ['/srv', '\\\\srv\\a', false],
  ['C:\\data', 'c:\\Data\\x', true],
  ['C:\\', 'c:\\Data', true],
  ['C:\\data', 'C:\\data2', false],
  ['C:\\data', 'D:\\data', false],
  ['\\\\files\\hr', '\\\\FILES\\HR\\New', true],
  ['\\\\files\\hr\\new', '\\\\files\\hr\\New\\x', true],
  ['\\\\files\\hr', '\\\\files\\hr2', false],
  ['\\\\files\\hr', '\\\\other\\hr', false],
  ['\\\\files\\hr\\a', '\\\\files\\hr', false],
  ['\\\\files\\hr\\a', '\\\\files\\hr\\a\\..\\b', false],
  ['C:\\data', '\\\\?\\c:\\data\\x', true],
];
for (const [outer, inner, expected] of containments)
  test(`${outer} ${expected ? 'holds' : 'does not hold'} ${inner}`, (t) => {
    t.is(holds(parseLocation(outer, 'outer'), parseLocation(inner, 'inner')), expected);
  });
