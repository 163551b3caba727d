import test from 'ava';
import { isSameOfficeContent, type ByteReader } from './office-proof.ts';
import {
  officeFile as archive,
  officeParts as own,
  type OfficeParts as Parts,
} from './testing/office.ts';

/** What SharePoint makes of it. */
const rewritten: Parts = {
  ...own,
  '[Content_Types].xml':
    '<Types><Override PartName="/docProps/custom.xml"/><Override PartName="/word/document.xml"/></Types>',
  '_rels/.rels':
    '<Relationships><Relationship Id="1" Target="word/document.xml"/><Relationship Id="9" Target="docProps/custom.xml"/></Relationships>',
  'docProps/core.xml': '<title>promoted</title>',
  'docProps/custom.xml': '<property name="ContentTypeId"/>',
  'customXml/item1.xml': '<properties/>',
};

function reader(bytes: Buffer): ByteReader {
  return { size: bytes.length, read: async (start, end) => bytes.subarray(start, end) };
}

async function isSame(source: Parts, arrived: Parts): Promise<boolean> {
  return isSameOfficeContent(reader(await archive(source)), reader(await archive(arrived)));
}

const changes: [what: string, arrived: Parts, same: boolean][] = [
  ['nothing changed', own, true],
  ['properties were written', rewritten, true],
  ['the text is another', { ...rewritten, 'word/document.xml': 'other' }, false],
  ['a picture is gone', without(rewritten, 'word/media/image1.png'), false],
  ['a part came in', { ...rewritten, 'word/macro.bin': 'evil' }, false],
  ['an index lost a part', { ...rewritten, '_rels/.rels': '<Relationships/>' }, false],
];
for (const [what, arrived, same] of changes)
  test(`an Office file of which ${what}`, async (t) => t.is(await isSame(own, arrived), same));

test('what is no archive is not the same', async (t) => {
  const text = Buffer.from('just text');
  t.false(await isSameOfficeContent(reader(text), reader(text)));
  const whole = await archive(own);
  t.false(await isSameOfficeContent(reader(whole), reader(whole.subarray(0, 500))));
});

test('a damaged part is not the same', async (t) => {
  const whole = await archive(own);
  const damaged = Buffer.from(whole);
  const at = damaged.indexOf('word/document.xml') + 30;
  damaged[at] = damaged[at]! ^ 0xff;
  t.false(await isSameOfficeContent(reader(whole), reader(damaged)));
});

test('a failure to read says nothing about the file', async (t) => {
  const whole = await archive(own);
  const failing: ByteReader = {
    size: whole.length,
    read: async () => {
      throw new Error('connection lost');
    },
  };
  await t.throwsAsync(isSameOfficeContent(reader(whole), failing), { message: 'connection lost' });
});

function without(parts: Parts, name: string): Parts {
  return Object.fromEntries(Object.entries(parts).filter(([part]) => part !== name));
}
