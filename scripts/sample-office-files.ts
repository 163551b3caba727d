// A letter and a table as Word and Excel write them: zip archives of parts, which SharePoint looks into and may write into.
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

/** A document of Word's. */
export function makeLetter(modifiedMs: number): Promise<Uint8Array> {
  return officeFile(letterParts, modifiedMs);
}

/** A workbook of Excel's. */
export function makeTable(modifiedMs: number): Promise<Uint8Array> {
  return officeFile(tableParts, modifiedMs);
}

type Parts = Readonly<Record<string, string>>;

const header = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
const openXml = 'http://schemas.openxmlformats.org';
const documentKind = 'application/vnd.openxmlformats-officedocument';

const letterParts: Parts = {
  '[Content_Types].xml': contentTypes({
    '/word/document.xml': `${documentKind}.wordprocessingml.document.main+xml`,
  }),
  '_rels/.rels': relationships(['officeDocument', 'word/document.xml']),
  'word/document.xml': `<w:document xmlns:w="${openXml}/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>Dear reader, this letter moved to SharePoint.</w:t></w:r></w:p></w:body></w:document>`,
};

const tableParts: Parts = {
  '[Content_Types].xml': contentTypes({
    '/xl/workbook.xml': `${documentKind}.spreadsheetml.sheet.main+xml`,
    '/xl/worksheets/sheet1.xml': `${documentKind}.spreadsheetml.worksheet+xml`,
  }),
  '_rels/.rels': relationships(['officeDocument', 'xl/workbook.xml']),
  'xl/workbook.xml': `<workbook xmlns="${openXml}/spreadsheetml/2006/main" xmlns:r="${openXml}/officeDocument/2006/relationships"><sheets><sheet name="Moves" sheetId="1" r:id="rId1"/></sheets></workbook>`,
  'xl/_rels/workbook.xml.rels': relationships(['worksheet', 'worksheets/sheet1.xml']),
  'xl/worksheets/sheet1.xml': `<worksheet xmlns="${openXml}/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Moved</t></is></c><c r="B1"><v>1</v></c></row></sheetData></worksheet>`,
};

function contentTypes(parts: Parts): string {
  const overrides = Object.entries(parts)
    .map(([name, type]) => `<Override PartName="${name}" ContentType="${type}"/>`)
    .join('');
  const types = `${openXml}/package/2006/content-types`;
  return `<Types xmlns="${types}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>${overrides}</Types>`;
}

function relationships([kind, target]: [kind: string, target: string]): string {
  const type = `${openXml}/officeDocument/2006/relationships/${kind}`;
  return `<Relationships xmlns="${openXml}/package/2006/relationships"><Relationship Id="rId1" Type="${type}" Target="${target}"/></Relationships>`;
}

async function officeFile(parts: Parts, modifiedMs: number): Promise<Uint8Array> {
  const archive = new ZipFile();
  for (const [name, text] of Object.entries(parts))
    archive.addBuffer(Buffer.from(`${header}\n${text}`), name, { mtime: new Date(modifiedMs) });
  archive.end();
  return await buffer(archive.outputStream);
}
