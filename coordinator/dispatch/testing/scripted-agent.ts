// An agent that does what a test says: it pushes frames into a session and keeps what comes out of it.
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  ItemRemarkSchema,
  ScanPageSchema,
  type BatchResults,
} from '../../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { ItemAction, ItemKind, ItemState } from '../../../gen/drover/v1/item_pb.ts';
import {
  AttachRequestSchema,
  type AttachRequest,
  type AttachResponse,
  type BatchLease,
  type HelloSchema,
  type LeaseKey,
} from '../../../gen/drover/v1/session_pb.ts';
import { AsyncQueue } from '../../../lib/async-queue.ts';
import { knownSettings } from '../../../lib/known-settings.ts';
import type { Dispatcher } from '../dispatcher.ts';

/** A frame as a test writes it. */
export type Frame = NonNullable<MessageInitShape<typeof AttachRequestSchema>['frame']>;
/** One item of a scan. */
export interface Entry {
  path: string;
  kind?: ItemKind;
  size?: bigint;
  /** When it was modified, in nanoseconds since 1970. @default its index in the page */
  modifiedNs?: bigint;
  /** @default not known */
  createdNs?: bigint;
  /** @default none, so that the item cannot be found again at another path */
  fileId?: bigint;
  /** Why the agent says that it is not to be migrated. */
  remark?: { reason: ErrorReason; message: string; rule?: string };
}

type Answer = AttachResponse['frame'];
type AnswerOf<C extends Answer['case']> = Extract<Answer, { case: C }> extends { value: infer V } ? V : never; // oxfmt-ignore

export class ScriptedAgent {
  readonly name: string;
  /** Everything that came, in order. */
  readonly received: Answer[] = [];
  /** The error the session ended with, when it has. */
  error: unknown;
  ended = false;
  readonly #frames = new AsyncQueue<AttachRequest>(10_000);
  readonly #abort = new AbortController();
  readonly #taken = new Set<Answer>();

  /** Attaches; the hello offers one slot and files, and knows all settings, unless it says otherwise, or 'none' is sent. */
  constructor(
    dispatcher: Dispatcher,
    name: string,
    hello: MessageInitShape<typeof HelloSchema> | 'none' = {},
  ) {
    this.name = name;
    if (hello !== 'none')
      this.push({ case: 'hello', value: { slots: 1, locationKinds: ['file'], knownSettings: knownSettings(), ...hello } }); // oxfmt-ignore
    void this.#receive(dispatcher);
  }

  async #receive(dispatcher: Dispatcher): Promise<void> {
    try {
      for await (const { frame } of dispatcher.attach(this.name, this.#frames, this.#abort.signal))
        this.received.push(frame);
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }

  push(frame: Frame): void {
    this.#frames.push(create(AttachRequestSchema, { frame }));
  }

  /** The agent's side of the stream ends in good order. */
  end(): void {
    this.#frames.end();
  }

  /** The call is aborted; its frames neither end nor fail. */
  abort(): void {
    this.#abort.abort();
  }

  /** The connection breaks. */
  vanish(): void {
    this.#abort.abort();
    this.#frames.end(new Error('connection reset'));
  }

  /** Everything of a kind that came. */
  all<C extends NonNullable<Answer['case']>>(kind: C): AnswerOf<C>[] {
    return this.received.flatMap((one) => (one.case === kind ? [one.value as AnswerOf<C>] : []));
  }

  /** Everything of a kind that came since this was called last. */
  news<C extends NonNullable<Answer['case']>>(kind: C): AnswerOf<C>[] {
    const fresh = this.received.filter((one) => one.case === kind && !this.#taken.has(one));
    for (const one of fresh) this.#taken.add(one);
    return fresh.map(({ value }) => value as AnswerOf<C>);
  }

  /** The first of `news`; throws when nothing of the kind came. */
  take<C extends NonNullable<Answer['case']>>(kind: C): AnswerOf<C> {
    const found = this.received.find((one) => one.case === kind && !this.#taken.has(one));
    if (found === undefined)
      throw new Error(`${this.name} got no ${kind}, only ${this.received.map((one) => one.case).join(', ')}`); // oxfmt-ignore
    this.#taken.add(found);
    return found.value as AnswerOf<C>;
  }

  sendPage(key: LeaseKey | undefined, page: bigint, entries: readonly Entry[]): void {
    this.push({ case: 'scanPage', value: { key: key!, page, items: encodePage(entries) } });
  }

  sendScanDone(key: LeaseKey | undefined, pages: bigint): void {
    this.push({ case: 'scanDone', value: { key: key!, pages } });
  }

  /** The scan cannot go on after so many pages. */
  sendScanFailure(
    key: LeaseKey | undefined,
    reason: ErrorReason,
    message: string,
    pages = 0n,
  ): void {
    this.push({ case: 'scanDone', value: { key: key!, pages, reason, message } });
  }

  /** Everything in the batch went well, but for what `change` does to the results. */
  sendResults(lease: BatchLease, change: (results: BatchResults) => void = () => {}): void {
    const results = goodResults(lease.items);
    change(results);
    const encoded = toBinary(BatchResultsSchema, results);
    this.push({ case: 'batchDone', value: { key: lease.key!, results: encoded } });
  }

  /** The agent was told to stop: the first `count` items of the batch went well, and the others it had not begun. */
  sendPartial(lease: BatchLease, count: number): void {
    const results = partialResults(lease.items, (index) => index < count);
    this.push({ case: 'batchDone', value: { key: lease.key!, results, partial: true } });
  }

  giveBack(...keys: (LeaseKey | undefined)[]): void {
    this.push({ case: 'leaseReturn', value: { keys: keys.map((key) => key!) } });
  }

  /** Says of each lease that it is still held; nothing is done of it yet. */
  beat(...keys: (LeaseKey | undefined)[]): void {
    const leases = keys.map((key) => ({ key: key!, items: 0n, bytes: 0n }));
    this.push({ case: 'heartbeat', value: { leases } });
  }

  /** Says that so many items of each lease are done. */
  progress(items: number, ...leases: readonly BatchLease[]): void {
    const told = leases.map(({ key }) => ({ key: key!, items: BigInt(items), bytes: 0n }));
    this.push({ case: 'heartbeat', value: { leases: told } });
  }
}

/** An encoded page of a scan. */
export function encodePage(entries: readonly Entry[]): Uint8Array {
  const page = create(ScanPageSchema);
  for (const [
    index,
    { path, kind = ItemKind.FILE, size = 0n, remark, ...facts },
  ] of entries.entries()) {
    if (remark !== undefined) page.remark.push(create(ItemRemarkSchema, { index, ...remark }));
    page.path.push(path);
    page.kind.push(kind);
    page.size.push(size);
    page.modifiedNs.push(facts.modifiedNs ?? BigInt(index));
    page.createdNs.push(facts.createdNs ?? 0n);
    page.fileId.push(facts.fileId ?? 0n);
  }
  return toBinary(ScanPageSchema, page);
}

/** Encoded results in which some items succeeded and nothing is known of the others. */
export function partialResults(
  encodedItems: Uint8Array,
  isDone: (index: number) => boolean,
): Uint8Array {
  const results = goodResults(encodedItems);
  for (const index of results.state.keys())
    if (!isDone(index)) results.state[index] = ItemState.UNSPECIFIED;
  return toBinary(BatchResultsSchema, results);
}

/** Results in which every item of the encoded batch went well: what is gone was recycled or kept, and what was moved is moved. */
export function goodResults(encodedItems: Uint8Array): BatchResults {
  const items = fromBinary(BatchItemsSchema, encodedItems);
  const count = items.path.length;
  const indexes = [...items.path.keys()];
  const kept = indexes.filter((index) => items.action[index] === ItemAction.KEEP);
  return create(BatchResultsSchema, {
    state: items.action.map((action) =>
      action === ItemAction.KEEP ? ItemState.SKIPPED : ItemState.SUCCEEDED,
    ),
    remark: kept.map((index) => ({
      index,
      reason: ErrorReason.SOURCE_GONE,
      message: 'it is gone',
    })),
    moved: indexes.filter((index) => items.action[index] === ItemAction.MOVE),
    size: items.size,
    modifiedNs: items.modifiedNs,
    destinationModifiedNs: items.modifiedNs,
    sha256: new Uint8Array(32 * count).fill(1),
    quickXorHash: new Uint8Array(20 * count).fill(2),
    attempts: items.path.map(() => 1),
  });
}
