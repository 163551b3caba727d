import test from 'ava';
import { DroverError } from './error.ts';
import { parseSharePointPlace, placeLength } from './sharepoint-place.ts';

const site = 'https://contoso.sharepoint.com';
const personal = 'https://contoso-my.sharepoint.com';
const archive = 'sites/hr/Shared Documents/Archive';
const encodedArchive = '%2Fsites%2Fhr%2FShared%20Documents%2FArchive';
const allItems = `${site}/sites/hr/Shared%20Documents/Forms/AllItems.aspx`;
const ann = 'personal/ann_contoso_com';

// oxfmt-ignore
const paths: [text: string, path: string][] = [
  // As folders are addressed.
  [site, ''],
  [`${site}/`, ''],
  [`${site}/sites/hr`, 'sites/hr'],
  [`${site}/sites/hr/`, 'sites/hr'],
  [`${site}//sites/./hr//`, 'sites/hr'],
  [`${site}/sites/hr/Shared%20Documents/Archive`, archive],
  [`${site}/sites/hr/Shared Documents/Archive/`, archive],
  [` ${site}/sites/hr/Shared Documents/Archive\n`, archive],
  [`HTTPS://Contoso.SharePoint.COM:443/sites/hr/Shared Documents/Archive`, archive],
  [`${site}/sites/hr/Shared%20Documents/Archive?web=1`, archive],
  [`${site}/sites/hr/Shared%20Documents/Archive?csf=1&web=1&e=Ab3dEf#`, archive],
  [`${site}/sites%2Fhr%2FShared%20Documents%2FArchive`, archive],
  [`${site}/Shared Documents`, 'Shared Documents'],
  [`${site}/teams/it/Docs`, 'teams/it/Docs'],
  // Names that are more than letters.
  [`${site}/sites/hr/Docs/C%23/a`, 'sites/hr/Docs/C#/a'],
  [`${site}/sites/hr/Docs/C#/a`, 'sites/hr/Docs/C#/a'],
  [`${site}/sites/hr/Docs/C#?web=1`, 'sites/hr/Docs/C#'],
  [`${site}/sites/hr/Docs/a+b`, 'sites/hr/Docs/a+b'],
  [`${site}/sites/hr/Docs/a%2Bb`, 'sites/hr/Docs/a+b'],
  [`${site}/sites/hr/Docs/100%25`, 'sites/hr/Docs/100%'],
  [`${site}/sites/hr/Docs/100%`, 'sites/hr/Docs/100%'],
  [`${site}/sites/hr/Docs/100% sure`, 'sites/hr/Docs/100% sure'],
  [`${site}/sites/hr/Docs/a%2541b`, 'sites/hr/Docs/a%41b'],
  [`${site}/sites/hr/Docs/%252E%252E/b`, 'sites/hr/Docs/%2E%2E/b'],
  [`${site}/sites/hr/Docs/%C3%9Cbersicht/日本`, 'sites/hr/Docs/Übersicht/日本'],
  [`${site}/sites/hr/Docs/U\u0308bersicht`, 'sites/hr/Docs/Übersicht'],
  [`${site}/sites/hr/Docs/R&D, 'x' (1) = $5;`, "sites/hr/Docs/R&D, 'x' (1) = $5;"],
  // Pages.
  [allItems, 'sites/hr/Shared Documents'],
  [`${allItems}?viewid=7b2f`, 'sites/hr/Shared Documents'],
  [`${allItems}#InplviewHash7b2f=RootFolder`, 'sites/hr/Shared Documents'],
  [`${allItems}?id=${encodedArchive}&viewid=7b2f`, archive],
  [`${allItems}?viewid=7b2f&ID=/sites/hr/Shared Documents/Archive/`, archive],
  [`${allItems}?RootFolder=${encodedArchive}&FolderCTID=0x012000&View=%7BA%7D`, archive],
  [`${allItems}?RootFolder=&View=%7BA%7D`, 'sites/hr/Shared Documents'],
  [`${allItems}?id=%2Fsites%2Fhr%2FDocs%2Fa%2Bb+c%23%25`, 'sites/hr/Docs/a+b c#%'],
  [`${allItems}?newTargetListUrl=%2Fsites%2Fhr%2FDocs&viewpath=%2Fsites%2Fhr%2FDocs%2FForms%2FA%2Easpx`, 'sites/hr/Docs'],
  [`${site}/sites/hr/Forms/forms/custom view.ASPX`, 'sites/hr/Forms'],
  [`${site}/sites/hr/_layouts/15/onedrive.aspx?id=${encodedArchive}`, archive],
  [`${site}/sites/hr/_layouts/15/viewlsts.aspx?view=14`, 'sites/hr'],
  [`${site}/_layouts/15/sharepoint.aspx`, ''],
  [`${site}/sites/hr/SitePages/Home.aspx`, 'sites/hr'],
  [`${site}/sites/hr/default.aspx`, 'sites/hr'],
  // Links that show the way.
  [`${site}/:f:/r/sites/hr/Shared%20Documents/Archive?csf=1&web=1&e=Ab3dEf`, archive],
  [`${site}/:F:/R/Shared%20Documents/a`, 'Shared Documents/a'],
  [`${site}/%3Af%3A/r/sites/hr/Shared%20Documents/Archive`, archive],
];
for (const [text, path] of paths)
  test(`place ${JSON.stringify(text)}`, (t) => {
    const place = parseSharePointPlace(text, 'task.destination');
    t.deepEqual(place, { kind: 'path', host: 'contoso.sharepoint.com', path });
    t.is(placeLength(place), path.length);
  });

// oxfmt-ignore
const drives: [text: string, host: string, path: string][] = [
  [`${personal}/${ann}/Documents/Old%20files`, 'contoso-my.sharepoint.com', `${ann}/Documents/Old files`],
  [`${personal}/${ann}`, 'contoso-my.sharepoint.com', ann],
  [`${personal}/my?id=%2Fpersonal%2Fann%5Fcontoso%5Fcom%2FDocuments%2Fa`, 'contoso-my.sharepoint.com', `${ann}/Documents/a`],
  [`${personal}/${ann}/_layouts/15/onedrive.aspx`, 'contoso-my.sharepoint.com', ann],
  [`${personal}/${ann}/_layouts/15/onedrive.aspx?id=%2Fpersonal%2Fann%5Fcontoso%5Fcom%2FDocuments&view=0`, 'contoso-my.sharepoint.com', `${ann}/Documents`],
  [`${personal}/:f:/r/${ann}/Documents/a?web=1`, 'contoso-my.sharepoint.com', `${ann}/Documents/a`],
  [`${personal}/my?id=${encodedArchive}&listurl=https%3A%2F%2Fcontoso%2Esharepoint%2Ecom%2Fsites%2Fhr%2FShared%20Documents`, 'contoso.sharepoint.com', archive],
  [`${personal}/my?listurl=https%3A%2F%2Fcontoso%2Esharepoint%2Ecom%2Fsites%2Fhr%2FDocs`, 'contoso.sharepoint.com', 'sites/hr/Docs'],
  ['https://contoso.sharepoint.us/sites/hr', 'contoso.sharepoint.us', 'sites/hr'],
  ['https://contoso.sharepoint-mil.us/sites/hr', 'contoso.sharepoint-mil.us', 'sites/hr'],
  ['https://contoso.dps.mil/sites/hr', 'contoso.dps.mil', 'sites/hr'],
  ['https://contoso.sharepoint.cn/sites/hr', 'contoso.sharepoint.cn', 'sites/hr'],
];
for (const [text, host, path] of drives)
  test(`place ${text}`, (t) =>
    t.deepEqual(parseSharePointPlace(text, 'task.destination'), { kind: 'path', host, path }));

for (const text of ['ann@contoso.com', 'Ann@Contoso.com', " o'neil.b+x@mail.contoso.co.uk "])
  test(`OneDrive of ${text}`, (t) =>
    t.deepEqual(parseSharePointPlace(text, 'x'), {
      kind: 'onedrive',
      user: text.trim().toLowerCase(),
      folder: '',
    }));

for (const [text, folder] of [
  ['Ann@contoso.com/', ''],
  ['ann@contoso.com/Projects/2024 & C#/', 'Projects/2024 & C#'],
  ['ann@contoso.com//a%20b/./c', 'a b/c'],
] as const)
  test(`OneDrive with a folder: ${text}`, (t) =>
    t.deepEqual(parseSharePointPlace(text, 'x'), {
      kind: 'onedrive',
      user: 'ann@contoso.com',
      folder,
    }));

// oxfmt-ignore
const refused: [text: string, words: RegExp][] = [
  [`${site}/:f:/s/hr/EaBcDeFgHiJkLmNoP?e=5%3aAb`, /sharing link/],
  [`${personal}/:f:/g/personal/ann_contoso_com/EaBcDe`, /sharing link/],
  [`${site}/sites/hr/_layouts/15/guestaccess.aspx?share=EaBc`, /sharing link/],
  [`${site}/:w:/r/sites/hr/Shared%20Documents/a.docx?d=w1`, /link of a file/],
  ['ann@contoso.com/a/../b', /"\.\."/],
  ['ann@contoso.com/a|b', /holds "\|"/],
  [`ann@contoso.com/${'a'.repeat(400)}`, /characters/],
  ['http://contoso.sharepoint.com/sites/hr', /https:\/\/ only/],
  ['https://contoso.example.com/sites/hr', /contoso\.example\.com" is not a host/],
  ['https://onedrive.live.com/?id=root', /is not a host/],
  ['https://sharepoint.com/sites/hr', /is not a host/],
  ['https://contoso.sharepoint.com.evil.example/sites/hr', /is not a host/],
  ['https://evil.example/contoso.sharepoint.com', /is not a host/],
  ['https://evil.example\\contoso.sharepoint.com', /is not a host/],
  ['https://contoso.sharepoint.com@evil.example/', /is not a host/],
  ['https://ann:secret@contoso.sharepoint.com/', /is not a host/],
  ['https://contoso.sharepoint.com:8443/sites/hr', /is not a host/],
  ['https://contoso.sharepoint.com./sites/hr', /is not a host/],
  ['https:///sites/hr', /is not a host/],
  ['https://contoso-admin.sharepoint.com/_layouts/15/online/AdminHome.aspx', /admin center/],
  [`${personal}/my?id=%2Fsites%2Fhr&listurl=https%3A%2F%2Fevil.example%2Fsites%2Fhr`, /is not a host/],
  [personal, /whose OneDrive/],
  [`${personal}/my`, /whose OneDrive/],
  [`${personal}/_layouts/15/onedrive.aspx`, /whose OneDrive/],
  [`${site}/sites/hr/../it`, /"\.\."/],
  [`${site}/sites/hr/%2e%2E/it`, /"\.\."/],
  [`${site}/sites/hr%2F..%2Fit`, /"\.\."/],
  [`${allItems}?id=%2Fsites%2Fhr%2F..%2Fit`, /"\.\."/],
  [`${allItems}?id=/sites/hr/C#/a`, /%23/],
  [`${allItems}?id=5`, /not a path/],
  [`${site}/sites/hr/a%3Ab`, /holds ":"/],
  [`${site}/:f:/r/sites/hr/a:b`, /holds ":"/],
  [`${site}/sites/hr/a%5Cb`, /holds/],
  [`${site}/sites/hr/a%00b`, /holds/],
  [`${site}/sites/hr/a%FFb`, /UTF-8/],
  [`${site}/sites/hr/a\ud800b`, /half a character/],
  [`${site}/sites/${'a'.repeat(395)}`, /401 characters/],
  ['contoso.sharepoint.com/sites/hr', /neither/],
  ['ann@contoso', /neither/],
  ['', /neither/],
];
for (const [text, words] of refused)
  test(`no place: ${JSON.stringify(text.slice(0, 100))}`, (t) => {
    const error = t.throws(() => parseSharePointPlace(text, 'task.destination'), {
      instanceOf: DroverError,
      message: words,
    });
    t.is(error?.violations[0]?.field, 'task.destination');
  });
