// A share that somebody works in while it is migrated, and the truth about it: which contents each file ever had, and which it has now.
// Every state that a reader can meet is one of them, also those in the middle of a program's save, so that whatever else is found at a
// destination is torn.
import { createHash, hash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { statSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Random } from './chaos-random.ts';
import { deterministicBytes } from './deterministic-bytes.ts';

export interface ShareSizes {
  files: number;
  /** Of 20 to 60 MiB. */
  largeFiles: number;
}

/** What is true of one path below the share. */
export interface Truth {
  /** SHA-256 of the content, in hexadecimal; undefined when there is no such file now. */
  content: string | undefined;
  /** Of every content it ever had. */
  contents: Set<string>;
  /** How often content or date were changed, its making included. */
  changes: number;
  /**
   * Whether it ever was empty: SharePoint takes the dates of an empty file only by a second request, and that makes a version more each
   * time it is repeated because its answer was lost.
   */
  wasEmpty: boolean;
  /** Whether what was here ever got another name. */
  wasRenamed: boolean;
  /** When, on the clock of `performance`. */
  changedMs: number;
}

/** What was done to a share in a quiet moment. */
export interface Tidied {
  /** The new path of each file that was renamed, or whose folder was. */
  moved: ReadonlyMap<string, string>;
  deleted: readonly string[];
}

const filesPerFolder = 60;
const mebibyte = 1024 * 1024;
/** Two changes within one tick of the file system's clock cannot be told apart by anybody. */
const restMs = 50;
const emptyContent = hash('sha256', '');

/** What a name of the share becomes in SharePoint; written down once more, because the product's own rule is being tested. */
export function sharePointName(name: string): string {
  return name.replaceAll(/[:?]/g, '_');
}

export class Share {
  readonly folder: string;
  readonly truth = new Map<string, Truth>();
  readonly #random: Random;
  /** Where its files are at the moment. */
  #root: string;
  /** The last name that a renamed file had before. */
  readonly #origins = new Map<string, string>();
  #made = 0;
  #folders = 0;

  private constructor(folder: string, random: Random) {
    this.folder = folder;
    this.#root = folder;
    this.#random = random;
  }

  /** Makes the share with its first files. */
  static make(folder: string, sizes: ShareSizes, random: Random): Share {
    const share = new Share(folder, random);
    mkdirSync(folder, { recursive: true });
    for (let number = 0; number < sizes.files; number++) share.#add(`folder ${Math.floor(number / filesPerFolder)}`); // oxfmt-ignore
    for (let number = 0; number < sizes.largeFiles; number++) share.#addLarge(number);
    share.#folders = Math.ceil(sizes.files / filesPerFolder);
    return share;
  }

  /** Whether nobody can read it. */
  get isAway(): boolean {
    return this.#root !== this.folder;
  }

  /** Takes it out of reach, as when its server is away or it is not mounted; work in it goes on. */
  takeAway(): void {
    this.#root = `${this.folder}.away`;
    renameSync(this.folder, this.#root);
  }

  bringBack(): void {
    renameSync(this.#root, this.folder);
    this.#root = this.folder;
  }

  /** Changes something, as it comes; answers with what it was. */
  change(): string {
    const change = this.#random.pickWeighted(changes);
    const [file] = this.#some();
    return file === undefined ? `added ${this.#add(this.#someFolder())}` : change.make(this, file);
  }

  /** The paths of files that are there now. */
  files(): string[] {
    return [...this.truth].filter(([, { content }]) => content !== undefined).map(([name]) => name);
  }

  add(): string {
    if (this.#random.chance(0.2)) return `added ${this.#add(`new folder ${this.#folders++}`)}`;
    return `added ${this.#add(this.#someFolder())}`;
  }

  /** Makes a name anew that was deleted, if there is one. */
  restore(): string {
    const gone = [...this.truth].filter(([, truth]) => truth.content === undefined && this.#rests(truth)); // oxfmt-ignore
    if (gone.length === 0) return this.add();
    const [name] = this.#random.pick(gone);
    this.#write(name, this.#content(this.#size()));
    return `made ${name} anew`;
  }

  append(name: string): string {
    appendFileSync(this.#place(name), this.#content(this.#random.between(1, 4096)));
    return this.#changed('added to', name);
  }

  overwrite(name: string): string {
    const { size } = statSync(this.#place(name));
    if (size === 0) return this.append(name);
    const file = openSync(this.#place(name), 'r+');
    const length = Math.min(size, 4096);
    try {
      writeSync(file, this.#content(length), 0, length, this.#random.between(0, size - length));
    } finally {
      closeSync(file);
    }
    return this.#changed('changed the inside of', name);
  }

  truncate(name: string): string {
    const { size } = statSync(this.#place(name));
    truncateSync(this.#place(name), Math.floor(size / 2));
    return this.#changed('cut', name);
  }

  /** As programs save that do not care: the file is empty, then grows. */
  rewrite(name: string): string {
    const content = this.#content(this.#random.between(0, 30_000));
    const step = Math.max(1, Math.ceil(content.length / 3));
    const file = openSync(this.#place(name), 'w');
    const digest = createHash('sha256');
    this.#record(name, digest.copy().digest('hex'));
    try {
      for (let at = 0; at < content.length; at += step) {
        const part = content.subarray(at, at + step);
        writeSync(file, part);
        this.#record(name, digest.update(part).copy().digest('hex'));
      }
    } finally {
      closeSync(file);
    }
    return `wrote ${name} anew`;
  }

  /** As programs save that care: another file takes its place. */
  replace(name: string): string {
    const aside = `${name}.saving`;
    const content = this.#content(this.#size());
    this.#write(aside, content);
    renameSync(this.#place(aside), this.#place(name));
    this.#forget(aside);
    this.#record(name, hash('sha256', content));
    return `replaced ${name}`;
  }

  touch(name: string): string {
    const now = new Date();
    utimesSync(this.#place(name), now, now);
    return this.#changed('dated', name);
  }

  delete(name: string): string {
    rmSync(this.#place(name));
    this.#forget(name);
    return `deleted ${name}`;
  }

  rename(name: string): string {
    const other = `${this.#someFolder()}/moved ${this.#made++}.bin`;
    mkdirSync(path.dirname(this.#place(other)), { recursive: true });
    renameSync(this.#place(name), this.#place(other));
    this.#moved(name, other);
    return `renamed ${name} to ${other}`;
  }

  renameFolder(name: string): string {
    const folder = name.split('/')[0]!;
    const other = `moved folder ${this.#folders++}`;
    renameSync(this.#place(folder), this.#place(other));
    for (const file of this.files().filter((one) => one.startsWith(`${folder}/`)))
      this.#moved(file, other + file.slice(folder.length));
    return `renamed ${folder} to ${other}`;
  }

  /** Renames some files and a folder and deletes some files, none of them twice; answers with what it did. */
  tidy(): Tidied {
    const before = this.files();
    const names = this.#random.shuffled(before);
    const few = Math.max(1, Math.floor(names.length / 20));
    for (const name of names.slice(0, few)) this.rename(name);
    const deleted = names.slice(few, 2 * few);
    for (const name of deleted) this.delete(name);
    const last = names.slice(2 * few).find((name) => name.includes('/'));
    if (last !== undefined) this.renameFolder(last);
    return { moved: this.#movedSince(before), deleted };
  }

  /** Where each of the files is now that is not there any more and was not deleted. */
  #movedSince(before: readonly string[]): Map<string, string> {
    const old = new Set(before);
    const origin = (name: string): string | undefined =>
      old.has(name) ? name : this.#origins.has(name) ? origin(this.#origins.get(name)!) : undefined;
    const moved = this.files().filter((name) => !old.has(name));
    return new Map(
      moved.flatMap((name) => (origin(name) === undefined ? [] : [[origin(name)!, name]])),
    );
  }

  #add(folder: string): string {
    const number = this.#made++;
    // Every now and then a name that SharePoint does not take as it is.
    const name = `${folder}/file ${number}${number % 40 === 7 ? ': what?' : ''}.bin`;
    this.#write(name, this.#content(this.#size()));
    return name;
  }

  #addLarge(number: number): void {
    const name = `large files/large ${number}.bin`;
    this.#write(name, Buffer.alloc(0));
    const blocks = this.#random.between(5, 15);
    for (let block = 0; block < blocks; block++)
      appendFileSync(this.#place(name), this.#content(4 * mebibyte));
    this.#changed('made', name);
  }

  #write(name: string, content: Uint8Array): void {
    mkdirSync(path.dirname(this.#place(name)), { recursive: true });
    // Moved in whole: a reader may meet any part of what one large write has written so far.
    const staging = `${this.folder}.staging`;
    writeFileSync(staging, content);
    renameSync(staging, this.#place(name));
    this.#record(name, hash('sha256', content));
  }

  #changed(how: string, name: string): string {
    this.#record(name, hash('sha256', readFileSync(this.#place(name))));
    return `${how} ${name}`;
  }

  #record(name: string, content: string): void {
    const truth = this.truth.get(name);
    const contents = (truth?.contents ?? new Set()).add(content);
    const wasEmpty = truth?.wasEmpty === true || content === emptyContent;
    const wasRenamed = truth?.wasRenamed === true;
    this.truth.set(name, { content, contents, wasEmpty, wasRenamed, changes: (truth?.changes ?? 0) + 1, changedMs: performance.now() }); // oxfmt-ignore
  }

  /** A file has another name now. What it was goes with it, as do its versions at a destination where it is moved. */
  #moved(name: string, other: string): void {
    const { content, changes, wasEmpty } = this.truth.get(name)!;
    this.#record(other, content!);
    const truth = this.truth.get(other)!;
    truth.changes += changes;
    truth.wasEmpty ||= wasEmpty;
    this.#origins.set(other, name);
    this.truth.get(name)!.wasRenamed = true;
    this.#forget(name);
  }

  #forget(name: string): void {
    Object.assign(this.truth.get(name)!, { content: undefined, changedMs: performance.now() });
  }

  /** A file that has rested, if one is found quickly. */
  #some(): string[] {
    const files = this.files();
    for (let attempt = 0; attempt < 20 && files.length > 0; attempt++) {
      const file = this.#random.pick(files);
      if (this.#rests(this.truth.get(file)!)) return [file];
    }
    return [];
  }

  #rests({ changedMs }: Truth): boolean {
    return performance.now() - changedMs > restMs;
  }

  #someFolder(): string {
    const files = this.files();
    return files.length === 0 ? 'folder 0' : path.posix.dirname(this.#random.pick(files));
  }

  #content(bytes: number): Buffer {
    return deterministicBytes(this.#random.between(0, 2 ** 31), bytes);
  }

  #size(): number {
    const random = this.#random;
    return random.pickWeighted([
      { weight: 1, bytes: 0 },
      { weight: 20, bytes: random.between(1, 30_000) },
      { weight: 3, bytes: random.between(30_000, mebibyte) },
      { weight: 0.3, bytes: random.between(mebibyte, 6 * mebibyte) },
    ]).bytes;
  }

  #place(name: string): string {
    return path.join(this.#root, name);
  }
}

const changes: readonly { weight: number; make: (share: Share, file: string) => string }[] = [
  { weight: 4, make: (share) => share.add() },
  { weight: 2, make: (share) => share.restore() },
  { weight: 4, make: (share, file) => share.append(file) },
  { weight: 4, make: (share, file) => share.overwrite(file) },
  { weight: 2, make: (share, file) => share.truncate(file) },
  { weight: 3, make: (share, file) => share.rewrite(file) },
  { weight: 3, make: (share, file) => share.replace(file) },
  { weight: 1, make: (share, file) => share.touch(file) },
  { weight: 2, make: (share, file) => share.delete(file) },
  { weight: 2, make: (share, file) => share.rename(file) },
  { weight: 0.1, make: (share, file) => share.renameFolder(file) },
];
