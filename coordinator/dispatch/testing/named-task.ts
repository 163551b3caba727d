// A task with a destination in SharePoint on a real store: pages go in and batches come out, without an agent between.
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { ExecutionContext } from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  BatchRowSchema,
  TaskRowSchema,
  type BatchRow,
  LeaseState,
} from '../../../gen/drover/store/v1/rows_pb.ts';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  type BatchItems,
  type BatchResults,
} from '../../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { ItemKind, type Item } from '../../../gen/drover/v1/item_pb.ts';
import { BatchDoneSchema, BatchPhase, ScanDoneSchema, ScanPageFrameSchema } from '../../../gen/drover/v1/session_pb.ts'; // oxfmt-ignore
import { GonePolicy, TaskSettingsSchema } from '../../../gen/drover/v1/settings_pb.ts';
import { comparePaths } from '../../plan/path-order.ts';
import { itemRows, type ItemBatch } from '../../report/item-rows.ts';
import { openLevelStore } from '../../store/level-store.ts';
import type { RunKey, Store, Transaction } from '../../store/store.ts';
import { stepLease } from '../../task/lease-machine.ts';
import { newRun, stepRun, type RunEvent } from '../../task/run-machine.ts';
import { lastForm } from '../last-form.ts';
import { commitPage } from '../commit-page.ts';
import { commitResults } from '../commit-results.ts';
import { cutBatch } from '../cut-batch.ts';
import { commitScanEnd } from '../commit-scan-end.ts';
import { encodePage, goodResults, type Entry } from './scripted-agent.ts';
import { decodeBatchResults } from '../../plan/decode-columns.ts';

const task = 'a';
const nowMs = 1000;
/** The phases that agents work on, one after the other. */
export const phasesInOrder = [BatchPhase.TRANSFER, BatchPhase.GONE, BatchPhase.LATE, BatchPhase.FOLDERS]; // oxfmt-ignore

export interface NamedRun {
  scanOnly?: boolean;
  replacement?: string;
  /** What becomes of what is gone from the source; without asking. @default keep */
  gonePolicy?: GonePolicy;
  /** Further settings. */
  settings?: MessageInitShape<typeof TaskSettingsSchema>;
  /** After each page the store is closed and opened again, as by a coordinator that was restarted. */
  restarts?: boolean;
}

export class NamedTask {
  store: Store;
  /** How often a commit has asked who has names. */
  nameReads = 0;
  readonly #folder: string;
  readonly #destination: string;
  #run = 0;

  constructor(folder: string, store: Store, destination: string) {
    this.#folder = folder;
    this.store = store;
    this.#destination = destination;
  }

  get key(): RunKey {
    return { task, run: this.#run };
  }

  /** Closes the store and opens it again. */
  async restart(): Promise<void> {
    await this.store.close();
    this.store = await openLevelStore(this.#folder);
  }

  /** Begins the next run and scans these pages; answers with the items, in the order of their paths. */
  async scan(pages: readonly (readonly Entry[])[], options: NamedRun = {}): Promise<Item[]> {
    await this.begin(options);
    for (const [index, entries] of pages.entries()) {
      await this.sendPage(BigInt(index + 1), entries);
      if (options.restarts === true) await this.restart();
    }
    await this.endScan(BigInt(pages.length));
    return this.items();
  }

  /** The scan has come to its end after so many pages. */
  async endScan(pages: bigint): Promise<void> {
    const key = { lease: '', generation: 1 };
    await commitScanEnd(this.store, this.key, create(ScanDoneSchema, { key, pages }), nowMs);
  }

  async sendPage(page: bigint, entries: readonly Entry[]): Promise<void> {
    const frame = create(ScanPageFrameSchema, {
      key: { lease: '', generation: 1 },
      page,
      items: encodePage(entries),
    });
    await (
      await commitPage(this.#countingStore(), this.key, frame, nowMs)
    ).written;
  }

  #countingStore(): Store {
    const counted = (transaction: Transaction) =>
      new Proxy(transaction, {
        get: (target, name) => {
          if (name === 'names') this.nameReads += 1;
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        },
      });
    return new Proxy(this.store, {
      get: (target, name) => {
        if (name === 'begin')
          return (change: (transaction: Transaction) => Promise<unknown>) =>
            target.begin((transaction) => change(counted(transaction)));
        return Reflect.get(target, name, target) as unknown;
      },
    });
  }

  /** Creates the task, which is not run. */
  async create(): Promise<void> {
    await this.store.commit((transaction) => this.#putTask(transaction));
  }

  /** The run ends because its source cannot be read any more. */
  async fail(): Promise<void> {
    const reason = ErrorReason.SOURCE_NOT_FOUND;
    const key = { lease: '', generation: 1 };
    await commitScanEnd(this.store, this.key, create(ScanDoneSchema, { key, reason }), nowMs);
  }

  /** What somebody does with the run; throws what the run says against it. */
  async step(event: RunEvent): Promise<void> {
    await this.store.commit(async (transaction) => {
      const row = (await transaction.run(this.key))!;
      transaction.putRun(this.key, stepRun(row, event, nowMs));
    });
  }

  /** Begins the next run. */
  async begin({
    scanOnly = false,
    replacement = '_',
    gonePolicy = GonePolicy.KEEP,
    settings: more,
  }: NamedRun = {}): Promise<void> {
    this.#run += 1;
    const settings = create(TaskSettingsSchema, {
      invalidCharacterReplacement: replacement,
      gonePolicy,
      recyclePercentMax: 100,
      ...more,
    });
    await this.store.commit(async (transaction) => {
      await this.#putTask(transaction);
      const queued = newRun(this.key, settings, scanOnly, nowMs);
      const begun = stepRun(queued, { kind: 'begin' }, nowMs);
      transaction.putRun(this.key, stepRun(begun, { kind: 'lease-scan', agent: 'one' }, nowMs));
    });
  }

  async #putTask(transaction: Transaction): Promise<void> {
    const row = { name: `tasks/${task}`, source: '/from', destination: this.#destination };
    const { hasKeptItems = false, hasUnreportedItems = false } =
      (await transaction.task(task)) ?? {};
    transaction.putTask(task, create(TaskRowSchema, { task: row, latestRun: this.#run, hasKeptItems, hasUnreportedItems })); // oxfmt-ignore
  }

  /** All items of the run, as the API shows them. */
  async items(): Promise<Item[]> {
    const batches = await this.batches();
    const found = batches.flatMap(({ batch }) =>
      Array.from(itemRows(batch, 0), ({ item }) => item),
    );
    return found.toSorted((one, other) => comparePaths(one.path, other.path));
  }

  /** All batches of the run, with what they count of themselves. */
  async batches(): Promise<{ number: number; row: BatchRow; batch: ItemBatch }[]> {
    const rows = await this.store.batches(this.key, 0, 10_000);
    return await Promise.all(
      rows.map(async ({ batch: number, row }) => {
        const encoded = await this.store.batchResults({ ...this.key, batch: number });
        const items = fromBinary(BatchItemsSchema, await this.#encodedItems(number));
        const results = encoded && decodeBatchResults(encoded);
        return { number, row, batch: { phase: row.phase, items, results, agent: '' } };
      }),
    );
  }

  /** Cuts batches that nobody has in two, and some of the halves again, by chance: `below` tells a number below another. */
  async cutSome(below: (limit: number) => number): Promise<void> {
    for (const { batch } of await this.store.batches(this.key, 0, 10_000))
      for (let times = below(3); times > 0; times -= 1)
        await this.store.commit(async (transaction) => {
          const key = { ...this.key, batch };
          const [run, row] = [await transaction.run(key), await transaction.batch(key)];
          const items = fromBinary(BatchItemsSchema, (await transaction.batchItems(key))!);
          const kept = new Set([...items.path.keys()].filter(() => below(2) === 0));
          const isSome = kept.size > 0 && kept.size < items.path.length;
          if (row === undefined || row.lease!.state !== LeaseState.PENDING || !isSome) return;
          const cut = cutBatch(transaction, key, { run: run!, batch: row, items }, kept, nowMs);
          transaction.putBatch(key, cut.batch);
          transaction.putRun(key, cut.run);
        });
  }

  /**
   * Migrates what was planned: the files, what is gone, what is late, the folders; `change` makes the results of a batch of files or folders other
   * than good.
   */
  async migrate(
    change: (results: BatchResults, count: number, items: BatchItems) => void = () => {},
    phases: readonly BatchPhase[] = phasesInOrder,
  ): Promise<void> {
    for (const phase of phases) while (await this.migrateNext(phase, change));
  }

  /** Migrates the next batch of a phase; answers whether there was one. Folders that are gone come to be leased one batch after the other. */
  async migrateNext(
    phase: BatchPhase,
    change: (results: BatchResults, count: number, items: BatchItems) => void = () => {},
  ): Promise<boolean> {
    return await this.work(phase, (results, items) => {
      if (phase !== BatchPhase.GONE) change(results, results.state.length, items);
    });
  }

  /** The same, whatever the phase; `work` says what became of each item of the batch. */
  async work(
    phase: BatchPhase,
    work: (results: BatchResults, items: BatchItems) => void,
  ): Promise<boolean> {
    const batch = await this.#lease(phase);
    if (batch === undefined) return false;
    const encoded = await this.#encodedItems(batch.number);
    const results = goodResults(encoded);
    work(results, fromBinary(BatchItemsSchema, encoded));
    const key = { lease: '', generation: batch.generation };
    const frame = create(BatchDoneSchema, { key, results: toBinary(BatchResultsSchema, results) });
    const batchKey = { ...this.key, batch: batch.number };
    await (
      await commitResults(this.store, batchKey, frame, nowMs)
    ).written;
    return true;
  }

  /** Leases the next batch of a phase; undefined when there is none. */
  async #lease(phase: BatchPhase): Promise<{ number: number; generation: number } | undefined> {
    const [number] = await this.store.pendingBatches(this.key, phase, 0, 1);
    if (number === undefined) return undefined;
    const key = { ...this.key, batch: number };
    const leased = await this.store.commit(async (transaction) => {
      const run = (await transaction.run(key))!;
      let batch: BatchRow | undefined = (await transaction.batch(key))!;
      const items = (await transaction.batchItems(key))!;
      const taken = await lastForm(transaction, key, { batch, items, run }, nowMs);
      transaction.putRun(this.key, taken.run);
      ({ batch } = taken);
      if (batch === undefined) return undefined;
      const lease = stepLease(batch.lease!, { kind: 'lease', agent: 'one' });
      transaction.putBatch(taken.key, create(BatchRowSchema, { ...batch, lease }));
      return { number: taken.key.batch, generation: lease.generation };
    });
    return leased ?? (await this.#lease(phase));
  }

  async #encodedItems(batch: number): Promise<Uint8Array> {
    return (await this.store.batchItems({ ...this.key, batch }))!;
  }
}

/** A task of the test's own, in a folder that is removed when the test ends. */
export async function openNamedTask(
  t: ExecutionContext,
  destination = 'https://contoso.sharepoint.com/sites/hr/Shared%20Documents/Archive',
): Promise<NamedTask> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-names-'));
  const store = await openLevelStore(path.join(folder, 'store'));
  const named = new NamedTask(path.join(folder, 'store'), store, destination);
  t.teardown(async () => {
    await named.store.close();
    await rm(folder, { recursive: true, force: true });
  });
  return named;
}

/** Entries as a scan sends them: a name that ends with `/` is a folder, and paths are put into their order. */
export function entriesOf(...paths: string[]): Entry[] {
  return paths
    .map((text) =>
      text.endsWith('/') ? { path: text.slice(0, -1), kind: ItemKind.FOLDER } : { path: text },
    )
    .toSorted((one, other) => comparePaths(one.path, other.path));
}

/** What goes elsewhere, as `from -> to`; what fails or is skipped, as `path: words`. */
export function placesOf(items: readonly Item[]): string[] {
  return items.flatMap(({ path: from, destinationPath, message }) => {
    if (message !== '') return [`${from}: ${message}`];
    return destinationPath === '' ? [] : [`${from} -> ${destinationPath}`];
  });
}
