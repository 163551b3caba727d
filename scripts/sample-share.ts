// The share that the quick start migrates when it is given none: a few thousand files as a real share has them, the same ones every
// time, among them what usually goes wrong.
import { mkdirSync, openSync, closeSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { deterministicBytes } from './deterministic-bytes.ts';
import { makeLetter, makeTable } from './sample-office-files.ts';

const departments = ['Finance', 'Human Resources', 'Legal', 'Research', 'Sales', 'Vertrieb Süd'];
const years = [2019, 2020, 2021, 2022, 2023, 2024, 2025];
const quarters = ['Q1', 'Q2', 'Q3', 'Q4'];
const documents = ['Agenda.docx', 'Budget.xlsx', 'Minutes.docx', 'Photo.jpg', 'Plan.pdf', 'Notes.txt', 'Chart.svg', 'Slides.pptx', 'Mail.msg', 'Data.csv', 'Scan.tiff', 'Report.pdf', 'Contract.docx', 'Invoice.pdf', 'List.xlsx', 'Logo.png', 'Memo.txt']; // oxfmt-ignore

/** Names that are hard for somebody: other scripts, combining characters next to composed ones, emoji, odd spaces. */
const unusualNames = [
  'Überweisungen für März.xlsx',
  'e\u0301te\u0301 (combining).txt',
  '\u00e9t\u00e9 (composed).txt',
  '日本語の資料.docx',
  'Отчёт за квартал.pdf',
  'ملف بالعربية.txt',
  'ไฟล์ภาษาไทย.txt',
  '🚚 moving day 🎉.md',
  '👩‍👩‍👧‍👦 family.jpg',
  ' leading space.txt',
  'two  spaces.txt',
  '-leading-dash.txt',
  "it's \"quoted\" & 100% 'odd' #1.txt",
  'a=b;c,d+e~f$(g)`h`{i}[j].txt',
  '.hidden',
  `${'long name '.repeat(23)}.txt`,
  'UPPER.TXT',
  'upper.txt',
];

/** What SharePoint does not take under its own name, or not at all. */
const namesForSharePoint = [
  'Q1: plan?.txt',
  'a<b>c|d*.txt',
  'ends with a dot.',
  'con.txt',
  'same but for case/Minutes.txt',
  'same but for case/minutes.TXT',
  'same but for case/MINUTES.txt',
  'Folder/one.txt',
  'folder/two.txt',
  // Word leaves the first while a document is open, Windows the second in folders that somebody gave an icon.
  '~$Minutes.docx',
  'desktop.ini',
];

/** SharePoint takes 400 characters for a whole path. */
const deepLevels = 30;
const emptyFiles = 25;
const emptyFolders = 25;
/** Bytes of the one large file: 256 MiB. */
const largeFileBytes = 256 * 1024 * 1024;
const blockBytes = 4 * 1024 * 1024;
const firstDayMs = Date.UTC(2019, 0, 1);
const spreadMs = 6 * 365 * 24 * 3600 * 1000;

export type SampleSize = 'full' | 'small';

/** Makes the share in a folder that does not exist yet; a small one has every kind of file but the large one, and few of each. */
export async function makeSampleShare(folder: string, size: SampleSize): Promise<void> {
  const isSmall = size === 'small';
  let count = 0;
  const write = (name: string, content: Uint8Array) => {
    const full = path.join(folder, name);
    mkdirSync(path.dirname(full), { recursive: true });
    writeFileSync(full, content);
    date(full, firstDayMs + ((count * 7_919_777_777) % spreadMs));
    count += 1;
  };
  const file = (name: string, sizeBytes: number) =>
    write(name, deterministicBytes(count, sizeBytes));
  for (const department of isSmall ? departments.slice(0, 1) : departments)
    for (const year of isSmall ? years.slice(0, 1) : years)
      for (const quarter of quarters)
        for (const document of documents)
          // Mostly small, few of them large, as it is on real shares.
          file(path.join(department, String(year), quarter, document), sizeOf(count));
  for (const name of unusualNames) file(path.join('Unusual names', name), 1000 + name.length);
  for (const name of namesForSharePoint)
    file(path.join('Names for SharePoint', name), 100 + name.length);
  write('Office/Letter.docx', await makeLetter(firstDayMs));
  write('Office/Table.xlsx', await makeTable(firstDayMs));
  for (let level = 1, deep = 'Deep'; level <= deepLevels; level++, deep += `/level ${level}`)
    file(path.join(deep, `note ${level}.txt`), 200);
  for (let number = 1; number <= emptyFiles; number++) file(`Empty files/empty ${number}.txt`, 0);
  for (let number = 1; number <= emptyFolders; number++)
    mkdirSync(path.join(folder, 'Empty folders', `empty ${number}`, 'inner'), { recursive: true });
  if (!isSmall) makeLargeFile(path.join(folder, 'Research', 'Recording.mkv'));
}

function date(place: string, ms: number): void {
  utimesSync(place, ms / 1000, ms / 1000);
}

function sizeOf(number: number): number {
  return number % 97 === 0 ? 2_000_000 : ((number * 2_654_435_761) % 40_000) + 1;
}

function makeLargeFile(file: string): void {
  const descriptor = openSync(file, 'wx');
  try {
    for (let block = 0; block < largeFileBytes / blockBytes; block++)
      writeSync(descriptor, deterministicBytes(block, blockBytes));
  } finally {
    closeSync(descriptor);
  }
  date(file, firstDayMs);
}
