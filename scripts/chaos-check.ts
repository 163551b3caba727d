// What has to be true when the chaos is over. A pure function of what was seen, so that it can be shown that each thing that may be
// wrong is noticed.
import type { Arrived, ArrivedTree } from './chaos-arrived.ts';
import type { Reported } from './chaos-runs.ts';
import type { Tidied, Truth } from './chaos-share.ts';

export interface Seen {
  /** What the writer knows of each path of a file. */
  truth: ReadonlyMap<string, Truth>;
  /** What is at the source. */
  source: ArrivedTree;
  /** What is at the destination. */
  arrived: ArrivedTree;
  /** What the API says of each path of a file, last. */
  reported: ReadonlyMap<string, Reported>;
  /** Every place at the destination that the API ever said of a path. */
  places: ReadonlyMap<string, ReadonlySet<string>>;
  /** What is gone from the source has to be gone from the destination as well. */
  isGoneRecycled: boolean;
  /** The place that a path has to have at the destination. */
  placeOf: (name: string) => string;
  /** Digits behind the comma of a second in the destination's dates. */
  dateDigits: number;
}

export interface Findings {
  problems: string[];
  /** What was checked, in words, with how often. */
  counts: Map<string, number>;
}

/** Compares all that was seen. */
export function checkArrived(seen: Seen): Findings {
  const check = new Check(seen);
  check.sourceIsTruth();
  check.everythingArrived();
  check.nothingElseArrived();
  check.reportsAreTrue();
  return check;
}

/** Says what differs between two looks at a destination between which nothing was to be moved. */
export function checkUntouched(before: ArrivedTree, after: ArrivedTree): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names
    .filter((name) => before.get(name)?.isFolder !== true || !after.has(name))
    .filter((name) => key(before.get(name)) !== key(after.get(name)))
    .map((name) => `${name} was touched by a run that had nothing to do: ${key(before.get(name))} became ${key(after.get(name))}`); // oxfmt-ignore
}

/** What was done to a share in a quiet moment, and the destination before and after the run that followed. */
export interface TidiedSeen {
  tidied: Tidied;
  before: ArrivedTree;
  after: ArrivedTree;
  isGoneRecycled: boolean;
  placeOf: (name: string) => string;
}

/** What was renamed has to be the very item that it was; what was deleted has to be kept or recycled, as the task says. */
export function checkTidied({
  tidied,
  before,
  after,
  isGoneRecycled,
  placeOf,
}: TidiedSeen): string[] {
  const problems: string[] = [];
  for (const [name, other] of tidied.moved) {
    const was = before.get(placeOf(name));
    const is = after.get(placeOf(other));
    if (was === undefined || itemKey(is) !== itemKey(was)) problems.push(`${name} was renamed to ${other}: ${key(was)} became ${key(is)}`); // oxfmt-ignore
    if (after.has(placeOf(name))) problems.push(`${name} was renamed to ${other}, and is there still`); // oxfmt-ignore
  }
  for (const name of tidied.deleted) {
    const is = after.get(placeOf(name));
    if (isGoneRecycled && is !== undefined) problems.push(`${name} was deleted and not recycled`);
    if (!isGoneRecycled && key(is) !== key(before.get(placeOf(name)))) problems.push(`${name} was deleted and not kept: ${key(is)}`); // oxfmt-ignore
  }
  return problems;
}

class Check implements Findings {
  readonly problems: string[] = [];
  readonly counts = new Map<string, number>();
  readonly #seen: Seen;
  /** The path of each place. */
  readonly #owners = new Map<string, string>();

  constructor(seen: Seen) {
    this.#seen = seen;
    for (const name of seen.truth.keys()) this.#owners.set(seen.placeOf(name), name);
    for (const [name, places] of seen.places)
      for (const place of places)
        if (place !== seen.placeOf(name)) this.problems.push(`${name} is said to be at ${place}`);
  }

  /** Else the writer is wrong, and nothing else can be told. */
  sourceIsTruth(): void {
    const { truth, source } = this.#seen;
    for (const [name, { content }] of truth)
      if (source.get(name)?.sha256 !== content) this.problems.push(`the writer is wrong about ${name}`); // oxfmt-ignore
    for (const [name, { isFolder }] of source)
      if (!isFolder && !truth.has(name)) this.problems.push(`the writer does not know ${name}`);
  }

  everythingArrived(): void {
    const { source, arrived } = this.#seen;
    for (const [name, file] of source) {
      const there = arrived.get(this.#seen.placeOf(name));
      this.#count(file.isFolder ? 'folders that are there with their date' : 'files that are there with content and date'); // oxfmt-ignore
      if (there === undefined || there.isFolder !== file.isFolder) {
        this.problems.push(`${name} did not arrive`);
        continue;
      }
      if (there.sha256 !== file.sha256) this.problems.push(`${name} has other content at the destination: ${this.#contentWords(name, there)}`); // oxfmt-ignore
      const unit = 10n ** BigInt(9 - this.#seen.dateDigits);
      if (there.modifiedNs / unit !== file.modifiedNs / unit)
        this.problems.push(`${name} has another date at the destination: ${date(there)}, and ${date(file)} at the source`); // oxfmt-ignore
    }
  }

  nothingElseArrived(): void {
    const { source, arrived, truth } = this.#seen;
    const ids = new Map<string, string>();
    for (const [place, there] of arrived) {
      if (there.isFolder) continue;
      if (/\.drover-|\.part$/.test(place)) {
        this.problems.push(`${place} was left behind`);
        continue;
      }
      if (there.id !== '' && ids.has(there.id)) this.problems.push(`${place} and ${ids.get(there.id)} have one id`); // oxfmt-ignore
      ids.set(there.id, place);
      const name = this.#owners.get(place);
      const known = name === undefined ? undefined : truth.get(name);
      if (name === undefined || known === undefined) {
        this.problems.push(`nobody knows where ${place} comes from`);
        continue;
      }
      if (!known.wasEmpty && there.versions > known.changes) this.problems.push(`${place} has ${there.versions} versions, and was changed ${known.changes} times`); // oxfmt-ignore
      if (there.versions > 0 && !known.wasEmpty)
        this.#count('files with no more versions than they had at the source');
      if (source.has(name)) continue;
      this.#count('files that were deleted at the source and are kept, whole');
      if (!known.contents.has(there.sha256)) this.problems.push(`${place}, deleted at the source, is torn: it never had this content`); // oxfmt-ignore
    }
  }

  reportsAreTrue(): void {
    const { reported, arrived, source } = this.#seen;
    for (const [name, report] of reported) {
      const there = arrived.get(report.place);
      this.#count('reports of the API that are true');
      if (this.#seen.isGoneRecycled && !source.has(name)) {
        this.#count('of them of files that are gone and were to be recycled');
        this.problems.push(`${name} is gone from the source and was not recycled, says the API`);
        continue;
      }
      if (there === undefined) {
        this.#missing(name, report);
        continue;
      }
      if (there.id !== report.destinationId) this.problems.push(`${name} has the id ${there.id}, and ${report.run} reports ${report.destinationId}`); // oxfmt-ignore
      if (there.sha256 === report.sha256) {
        if (there.quickXorHash !== '' && there.quickXorHash !== report.quickXorHash)
          this.problems.push(`${name} has another quickXorHash than ${report.run} reports`);
        continue;
      }
      // The last run saw everything that is at the source, so what it reports is what is there. What was deleted before a lost
      // report was repeated may be newer than the last report.
      if (source.has(name)) this.problems.push(`${name} has other content than ${report.run} reports: ${this.#contentWords(name, there)}`); // oxfmt-ignore
      else this.#count('of them older than what is there, as the file was deleted before it could be reported'); // oxfmt-ignore
    }
  }

  /**
   * What is gone from the source may have been moved at the destination by an agent that could not report it, before its new name was
   * gone, too; then it is where nobody knows, or became what its new name was next.
   */
  #missing(name: string, report: Reported): void {
    const mayBeMoved = report.isKept && this.#seen.truth.get(name)?.wasRenamed === true;
    if (mayBeMoved) this.#count('of them moved, and gone before that could be reported');
    else this.problems.push(`${report.run} reports ${name} as migrated, and it is not there`);
  }

  #contentWords(name: string, there: Arrived): string {
    return this.#seen.truth.get(name)?.contents.has(there.sha256) === true
      ? 'one that it had earlier'
      : 'one that it never had';
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

function key(item: Arrived | undefined): string {
  return item === undefined ? itemKey(item) : `${itemKey(item)} ${item.versions}`;
}

/** Without its versions: a new name may make one more. */
function itemKey(item: Arrived | undefined): string {
  if (item === undefined) return 'nothing';
  const { isFolder, sha256, modifiedNs, id } = item;
  return [isFolder ? 'folder' : 'file', sha256, modifiedNs, id].join(' ');
}

function date({ modifiedNs }: Arrived): string {
  return `${new Date(Number(modifiedNs / 1_000_000n)).toISOString()} (${modifiedNs})`;
}
