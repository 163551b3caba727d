import test from 'ava';
import { destinationPlace, destinationUrl, sourcePlace, splitPath, type Place } from './item-places.ts'; // oxfmt-ignore

/** Where the item of a path is. */
function at(place: Place, path: string): string {
  return place.goTo(splitPath(path)).text;
}

const path = 'a b/c#1%/Zoë & "q".txt';

const sources: [source: string, place: string][] = [
  ['/srv/share', `/srv/share/${path}`],
  ['/', `/${path}`],
  ['file:///srv/a%20b', `/srv/a b/${path}`],
  ['C:\\data', `C:\\data\\a b\\c#1%\\Zoë & "q".txt`],
  ['C:\\', `C:\\a b\\c#1%\\Zoë & "q".txt`],
  ['\\\\server\\share', `\\\\server\\share\\a b\\c#1%\\Zoë & "q".txt`],
  ['\\\\server\\share\\dir', `\\\\server\\share\\dir\\a b\\c#1%\\Zoë & "q".txt`],
];

for (const [source, place] of sources)
  test(`where an item of the source ${source} is`, (t) => {
    t.is(at(sourcePlace(source), path), place);
  });

const escaped = 'a%20b/c%231%25/Zo%C3%AB%20%26%20%22q%22.txt';
const destinations: [destination: string, place: string, url: string][] = [
  ['file:///to', `/to/${path}`, `file:///to/${escaped}`],
  ['file:///', `/${path}`, `file:///${escaped}`],
  [
    'https://contoso.sharepoint.com/sites/hr/Shared%20Documents/A%23',
    `https://contoso.sharepoint.com/sites/hr/Shared%20Documents/A%23/${escaped}`,
    `https://contoso.sharepoint.com/sites/hr/Shared%20Documents/A%23/${escaped}`,
  ],
  [
    'https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents',
    `https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents/${escaped}`,
    `https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents/${escaped}`,
  ],
  // Which library it is knows the service only.
  ['https://contoso.sharepoint.com/sites/hr', '', ''],
  ['ann@contoso.com', `ann@contoso.com/${path}`, ''],
  ['ann@contoso.com/Projects', `ann@contoso.com/Projects/${path}`, ''],
];

for (const [destination, place, url] of destinations)
  test(`where an item of the destination ${destination} is`, (t) => {
    t.is(at(destinationPlace(destination), path), place);
    t.is(at(destinationUrl(destination), path), url);
  });

test('neighbours in other folders are not taken for each other', (t) => {
  const place = destinationUrl('file:///to');
  const paths = ['x', 'a/x', 'a/y', 'ab/x', 'a/b/x', 'a/x', 'b', 'b/c'];
  t.deepEqual(
    paths.map((one) => at(place, one)),
    paths.map((one) => `file:///to/${one}`),
  );
});

test('a place is one cell of CSV, made of the folder and the name', (t) => {
  const cellOf = (source: string, below: string) => sourcePlace(source).goTo(splitPath(below)).csv;
  t.is(cellOf('/srv', '=1.txt'), '/srv/=1.txt');
  t.is(cellOf('/srv', 'a,b'), '"/srv/a,b"');
  t.is(cellOf('/a"b', 'é'), '"/a""b/é"');
  t.is(cellOf('/srv', 'x,y/z'), '"/srv/x,y/z"');
  t.is(destinationPlace('=ann@contoso.com').goTo(splitPath('y')).csv, "'=ann@contoso.com/y");
});
