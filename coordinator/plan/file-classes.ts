// Files counted by what they have in common: size, age, month, extension. PURE.
import { create } from '@bufbuild/protobuf';
import { FileClassesSchema, type FileClasses } from '../../gen/drover/store/v1/readiness_pb.ts';

/** The most extensions, and the most months, that a run counts one by one. */
export const classesMax = { extensions: 2000, months: 600 } as const;
/** What is longer is no extension, but a part of a sentence. */
export const extensionLengthMax = 32;
/** The class of files of which it is not known when they were modified, among ages and months. */
export const unknownClass = -1;

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const gibibyte = 1024 * mebibyte;
const dayMs = 24 * 60 * 60_000;

/** Classes of sizes: each has the files of up to so many bytes that are in none before it. */
export const sizeClasses: readonly { bytesMax: number; words: string }[] = [
  { bytesMax: 0, words: 'empty' },
  { bytesMax: 100 * kibibyte, words: 'up to 100 KiB' },
  { bytesMax: mebibyte, words: 'up to 1 MiB' },
  { bytesMax: 10 * mebibyte, words: 'up to 10 MiB' },
  { bytesMax: 100 * mebibyte, words: 'up to 100 MiB' },
  { bytesMax: gibibyte, words: 'up to 1 GiB' },
  { bytesMax: 10 * gibibyte, words: 'up to 10 GiB' },
  { bytesMax: 100 * gibibyte, words: 'up to 100 GiB' },
  { bytesMax: 250 * gibibyte, words: 'up to 250 GiB' },
  { bytesMax: Infinity, words: 'larger' },
];

/** Classes of ages: each has the files that were modified less than so many days ago and are in none before it. */
export const ageClasses: readonly { days: number; words: string }[] = [
  { days: 30, words: 'less than 30 days' },
  { days: 90, words: 'less than 90 days' },
  { days: 365, words: 'less than 1 year' },
  { days: 3 * 365, words: 'less than 3 years' },
  { days: 7 * 365, words: 'less than 7 years' },
  { days: Infinity, words: '7 years and more' },
];

/** How many files, and their bytes, which are exact up to 8 PiB. */
export interface FileCount {
  files: number;
  bytes: number;
}

/** Counts files by a key of theirs; of those for which there is no room, all together. */
export class ClassTally<K extends number | string> {
  readonly #counts: Map<K, FileCount>;
  readonly #max: number;
  readonly #other: FileCount;
  /** Of the file before: most have much in common with it. */
  #lastKey: K | undefined;
  #last: FileCount;

  /** Goes on with the `keys` of what was kept, which are one of its columns. */
  constructor(kept: FileClasses | undefined, keys: readonly K[], max = Infinity) {
    const counts = keys.map((key, index): [K, FileCount] => [
      key,
      { files: Number(kept!.files[index]), bytes: Number(kept!.bytes[index]) },
    ]);
    this.#counts = new Map(counts);
    this.#max = max;
    this.#other = { files: Number(kept?.otherFiles ?? 0), bytes: Number(kept?.otherBytes ?? 0) };
    this.#last = this.#other;
  }

  add(key: K, bytes: number): void {
    if (key !== this.#lastKey) {
      this.#last = this.#countOf(key);
      this.#lastKey = key;
    }
    this.#last.files += 1;
    this.#last.bytes += bytes;
  }

  #countOf(key: K): FileCount {
    const found = this.#counts.get(key);
    if (found !== undefined) return found;
    if (this.#counts.size >= this.#max) return this.#other;
    const count = { files: 0, bytes: 0 };
    this.#counts.set(key, count);
    return count;
  }

  /** What is to be kept, without its column of keys. */
  #columns() {
    const counts = [...this.#counts.values()];
    return {
      files: counts.map(({ files }) => BigInt(files)),
      bytes: counts.map(({ bytes }) => BigInt(bytes)),
      otherFiles: BigInt(this.#other.files),
      otherBytes: BigInt(this.#other.bytes),
    };
  }

  keep(): FileClasses {
    const keys = [...this.#counts.keys()];
    const text = keys.filter((key) => typeof key === 'string');
    const number = keys.filter((key) => typeof key === 'number');
    return create(FileClassesSchema, { number, text, ...this.#columns() });
  }
}

/** The number of the class of files of so many bytes. */
export function sizeClass(bytes: number): number {
  let index = 0;
  while (bytes > sizeClasses[index]!.bytesMax) index += 1;
  return index;
}

/** The number of the class of files that were modified so long ago; what is of the future is new. */
export function ageClass(ageMs: number): number {
  let index = 0;
  while (ageMs >= ageClasses[index]!.days * dayMs) index += 1;
  return index;
}

/** The extension in lower case, without the dot; empty where there is none. `from` is where the name begins in the path. */
export function extensionOf(path: string, from: number): string {
  const dot = path.lastIndexOf('.');
  // What begins with its only dot is a name.
  if (dot <= from) return '';
  const extension = path.slice(dot + 1).toLowerCase();
  return extension.length > extensionLengthMax ? '' : extension;
}

/** The number of the month, in UTC, since the beginning of the year 0 in the calendar of today. */
export function monthOf(ms: number): number {
  // Days since 1 March of the year 0, so that the leap day is the last of its year.
  const days = Math.floor(ms / dayMs) + 719_468;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096); // oxfmt-ignore
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const leapsBefore = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - 365 * yearOfEra - leapsBefore;
  // March has number 0.
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  return (era * 400 + yearOfEra) * 12 + month + 2;
}

/** Such as 2024-03. */
export function monthWords(month: number): string {
  const year = String(Math.floor(month / 12)).padStart(4, '0');
  return `${year}-${String((month % 12) + 1).padStart(2, '0')}`;
}
