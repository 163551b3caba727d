// The share that the quick start migrates when it is given none: a few thousand files as a real share has them, the same ones every
// time, among them what usually goes wrong.
import { mkdirSync, openSync, closeSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { deterministicBytes } from './deterministic-bytes.ts';

const departments = ['Finance', 'Human Resources', 'Legal', 'Research', 'Sales', 'Vertrieb Süd'];
const years = [2019, 2020, 2021, 2022, 2023, 2024, 2025];
const quarters = ['Q1', 'Q2', 'Q3', 'Q4'];
const documents = ['Agenda.docx', 'Budget.xlsx', 'Minutes.docx', 'Photo.jpg', 'Plan.pdf', 'Notes.txt', 'Chart.svg', 'Slides.pptx', 'Mail.msg', 'Data.csv', 'Scan.tiff', 'Report.pdf', 'Contract.docx', 'Invoice.pdf', 'List.xlsx', 'Logo.png', 'Memo.txt']; // prettier-ignore

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

const deepLevels = 40;
const emptyFiles = 25;
const emptyFolders = 25;
/** Bytes of the one large file: 256 MiB. */
const largeFileBytes = 256 * 1024 * 1024;
const blockBytes = 4 * 1024 * 1024;
const firstDayMs = Date.UTC(2019, 0, 1);
const spreadMs = 6 * 365 * 24 * 3600 * 1000;

/** Makes the share in a folder that does not exist yet. */
export function makeSampleShare(folder: string): void {
  let count = 0;
  const file = (name: string, sizeBytes: number) => {
    const full = path.join(folder, name);
    mkdirSync(path.dirname(full), { recursive: true });
    writeFileSync(full, deterministicBytes(count, sizeBytes));
    const seconds = (firstDayMs + ((count * 7_919_777_777) % spreadMs)) / 1000;
    utimesSync(full, seconds, seconds);
    count += 1;
  };
  for (const department of departments)
    for (const year of years)
      for (const quarter of quarters)
        for (const document of documents)
          // Mostly small, few of them large, as it is on real shares.
          file(path.join(department, String(year), quarter, document), sizeOf(count));
  for (const name of unusualNames) file(path.join('Unusual names', name), 1000 + name.length);
  for (let level = 1, deep = 'Deep'; level <= deepLevels; level++, deep += `/level ${level}`)
    file(path.join(deep, `note ${level}.txt`), 200);
  for (let number = 1; number <= emptyFiles; number++) file(`Empty files/empty ${number}.txt`, 0);
  for (let number = 1; number <= emptyFolders; number++)
    mkdirSync(path.join(folder, 'Empty folders', `empty ${number}`, 'inner'), { recursive: true });
  makeLargeFile(path.join(folder, 'Research', 'Recording.mkv'));
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
}
