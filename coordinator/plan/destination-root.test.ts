import test from 'ava';
import { parseLocation } from '../../lib/location.ts';
import { destinationRoot } from './destination-root.ts';

const site = 'https://contoso.sharepoint.com';
const my = 'https://contoso-my.sharepoint.com';

// oxfmt-ignore
const roots: [destination: string, counted: string, isLibrary: boolean][] = [
  [`${site}/sites/hr/Shared%20Documents`, 'sites/hr/Shared Documents', true],
  [`${site}/sites/hr/Shared%20Documents/Archive`, 'sites/hr/Shared Documents/Archive', false],
  [`${site}/Teams/it/Docs`, 'Teams/it/Docs', true],
  [`${site}/Shared Documents`, 'Shared Documents', true],
  [`${site}/Shared Documents/a`, 'Shared Documents/a', false],
  [`${site}/sites/hr`, 'sites/hr/Shared Documents', true],
  [site, 'Shared Documents', true],
  [`${my}/personal/ann_contoso_com`, 'personal/ann_contoso_com/Documents', true],
  [`${my}/personal/ann_contoso_com/Documents`, 'personal/ann_contoso_com/Documents', true],
  [`${my}/personal/ann_contoso_com/Documents/a/b`, 'personal/ann_contoso_com/Documents/a/b', false],
  ['ann@contoso.com', 'personal/ann_contoso_com/Documents', true],
];
for (const [destination, counted, isLibrary] of roots)
  test(`root of ${destination}`, (t) => {
    const root = destinationRoot(parseLocation(destination, 'x'));
    t.deepEqual(root, { length: counted.length, isLibrary });
  });

for (const destination of ['/srv/to', '\\\\server\\share', 'file:///srv/to'])
  test(`names stay as they are in ${destination}`, (t) =>
    t.is(destinationRoot(parseLocation(destination, 'x')), undefined));
