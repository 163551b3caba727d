import test from 'ava';
import { isSameCompoundContent } from './compound-file.ts';
import { isSamePage } from './web-page.ts';
import type { ByteReader } from './office-proof.ts';
import { mayBeRewritten } from './rewritten-content.ts';
import { compoundFile, type CompoundStreams } from './testing/compound.ts';
import { contentOfBytes } from './testing/place.ts';

function reader(bytes: Buffer): ByteReader {
  return { size: bytes.length, read: async (start, end) => bytes.subarray(start, end) };
}

test('which names are those of files that SharePoint rewrites', (t) => {
  for (const name of ['a.docx', 'b/c.XLSM', 'd.vsdx', 'x.y.pptx', 'old.doc', 'mail.msg', 'i.HTM'])
    t.true(mayBeRewritten(name), name);
  for (const name of ['a.pdf', 'docx', 'a.docx/b', 'a.docx.txt', '.docx/x'])
    t.false(mayBeRewritten(name), name);
});

const own: CompoundStreams = {
  '/WordDocument': contentOfBytes(9000),
  '/1Table': contentOfBytes(5000, 7),
  '/Data': 'short',
  '/Empty': '',
  '/ObjectPool/_1/Contents': 'embedded',
  '/\u0005SummaryInformation': 'title',
};
const withProperties: CompoundStreams = {
  '/\u0005SummaryInformation': 'another title, longer than it was',
  '/\u0005DocumentSummaryInformation': contentOfBytes(4200, 3),
  '/MsoDataStore/AB/Item': '<properties/>',
};

const compounds: [what: string, arrived: CompoundStreams, same: boolean][] = [
  ['nothing changed', own, true],
  ['properties were written', { ...own, ...withProperties }, true],
  ['a long stream is another', { ...own, '/1Table': contentOfBytes(5000, 8) }, false],
  ['a short stream is another', { ...own, '/Data': 'shorT' }, false],
  ['an embedded stream is another', { ...own, '/ObjectPool/_1/Contents': 'embeddeD' }, false],
  ['a stream is longer', { ...own, '/Data': 'short and more' }, false],
  ['a stream came in', { ...own, '/Macros': 'evil' }, false],
  ['a stream is gone', without(own, '/Data'), false],
  ['properties lie elsewhere', { ...own, '/ObjectPool/\u0005SummaryInformation': 'x' }, false],
];
for (const [what, arrived, same] of compounds)
  test(`an old Office file of which ${what}`, async (t) => {
    const rewritten = compoundFile(arrived, { shuffled: true });
    t.is(await isSameCompoundContent(reader(compoundFile(own)), reader(rewritten)), same);
  });

test('what is no compound file, is cut, or goes in circles is not the same', async (t) => {
  const whole = compoundFile(own);
  const text = Buffer.from('just text'.repeat(1000));
  t.false(await isSameCompoundContent(reader(text), reader(text)));
  t.false(await isSameCompoundContent(reader(Buffer.alloc(0)), reader(Buffer.alloc(0))));
  for (let length = 512; length < whole.length; length += 512) {
    const cut = reader(whole.subarray(0, length));
    t.false(await isSameCompoundContent(cut, cut), `${length}`);
  }
});

test('whatever is damaged in a compound file, looking into it ends', async (t) => {
  const whole = compoundFile(own);
  const original = reader(whole);
  for (let at = 0; at < whole.length; at += 4) {
    for (const value of [0, 1, 0xffffffff]) {
      const damaged = Buffer.from(whole);
      damaged.writeUInt32LE(value, at);
      // Most of what may be damaged so is read; the rest is of no account. That it ends is what counts.
      t.is(typeof (await isSameCompoundContent(original, reader(damaged))), 'boolean');
    }
  }
});

test('reading that fails says nothing about a compound file', async (t) => {
  const whole = compoundFile(own);
  const read = async (start: number, end: number) => {
    if (start > 2000) throw new Error('connection lost');
    return whole.subarray(start, end);
  };
  const failing = { size: whole.length, read };
  const compared = isSameCompoundContent(reader(whole), failing);
  await t.throwsAsync(compared, { message: 'connection lost' });
});

const page = '<html>\n<head>\n<title>Ü</title></head>\n<body>text</body></html>\n';
const spaces = 'xmlns:mso="urn:schemas-microsoft-com:office:office" xmlns:msdt="uuid:C2F41010-65B3-11d1-A29F-00AA00C14882"'; // oxfmt-ignore
const block = (id: string) =>
  `<!--[if gte mso 9]><xml>\n<mso:CustomDocumentProperties>\n<mso:ContentTypeId msdt:dt="string">${id}</mso:ContentTypeId>\n</mso:CustomDocumentProperties>\n</xml><![endif]-->`;
const arrivedPage = page
  .replace('<html>', `<html ${spaces}>`)
  .replace('<head>\n', `<head>\n\n${block('0x01')}\n`);
const comment = '<!--[if gte mso 9]><b>a comment of a person</b><![endif]-->';

const pages: [what: string, source: string, arrived: string, same: boolean][] = [
  ['nothing changed', page, page, true],
  ['the block came in', page, arrivedPage, true],
  ['the block was replaced', arrivedPage, arrivedPage.replace('0x01', '0x0101'), true],
  ['the text is another', page, arrivedPage.replace('text', 'test'), false],
  ['the text before the block is another', page, arrivedPage.replace('<head>', '<heaD>'), false],
  ['something is gone', page, arrivedPage.replace('<title>Ü</title>', ''), false],
  ['something came in', page, arrivedPage.replace('</body>', '<script></script></body>'), false],
  ['another comment came in', page, page.replace('<head>', `<head>${comment}`), false],
  ['another comment was there', page.replace('<head>', `<head>${comment}`), arrivedPage.replace('<head>', `<head>${comment}`), true], // oxfmt-ignore
  ['a comment before the block is gone', page.replace('<head>', `<head>${comment}`), arrivedPage, false], // oxfmt-ignore
  ['the block is not whole', page, arrivedPage.replace('<![endif]-->', ''), false],
];
for (const [what, source, arrived, same] of pages)
  test(`a page of which ${what}`, async (t) => {
    t.is(await isSamePage(reader(Buffer.from(source)), reader(Buffer.from(arrived))), same);
  });

function without(streams: CompoundStreams, path: string): CompoundStreams {
  return Object.fromEntries(Object.entries(streams).filter(([name]) => name !== path));
}
