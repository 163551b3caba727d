// An agent of the bench: over the real wire it says what a real one says, but it reads no file and writes none. So two cores are
// enough to show what the coordinator can do with agents that are infinitely fast.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { randomFillSync } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { BatchItemsSchema, BatchResultsSchema } from '../gen/drover/v1/columns_pb.ts';
import { ItemKind, ItemState, ItemVerification } from '../gen/drover/v1/item_pb.ts';
import {
  AgentSessionService,
  AttachRequestSchema,
  type AttachRequest,
  type AttachResponse,
  type BatchLease,
  type LeaseKey,
  type ScanLease,
} from '../gen/drover/v1/session_pb.ts';
import { knownSettings } from '../lib/known-settings.ts';
import { AsyncQueue } from '../lib/async-queue.ts';
import type { BenchIdentity } from './bench-join.ts';
import { encodeSharePage, pagesOf } from './bench-share.ts';

const busyHeartbeatMs = 250;
const reconnectMs = 100;
const outgoingMax = 8192;

/** What all agents of a process do alike; it may change at any time. */
export interface BenchWork {
  /** How many items a scan finds. */
  items: number;
  /** Batches are kept and not worked on. */
  isHolding: boolean;
  onScanLease: (lease: string) => void;
}

interface Scan {
  key: LeaseKey;
  nextPage: number;
  acknowledgedPage: number;
  window: number;
  isEndSent: boolean;
}

export class BenchAgent {
  readonly #identity: BenchIdentity;
  readonly #slots: number;
  readonly #work: BenchWork;
  /** Batches by their lease: not done yet, or done and not acknowledged. */
  readonly #batches = new Map<string, { lease: BatchLease; results: Uint8Array | undefined }>();
  #scan: Scan | undefined;
  #outgoing = new AsyncQueue<AttachRequest>(outgoingMax);
  #isAttached = false;

  constructor(identity: BenchIdentity, slots: number, work: BenchWork) {
    this.#identity = identity;
    this.#slots = slots;
    this.#work = work;
  }

  get isAttached(): boolean {
    return this.#isAttached;
  }

  /** Keeps the agent attached until the signal; then it resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { address, authority, privateKey, certificate } = this.#identity;
    const transport = createGrpcTransport({
      baseUrl: address,
      nodeOptions: { ca: authority, key: privateKey, cert: certificate },
    });
    const client = createClient(AgentSessionService, transport);
    while (!signal.aborted) {
      this.#outgoing = new AsyncQueue(outgoingMax);
      this.#sendHello();
      try {
        for await (const { frame } of client.attach(this.#outgoing, { signal })) this.#take(frame);
      } catch {
        // The coordinator is being started again, or the bench is over.
      }
      this.#isAttached = false;
      this.#outgoing.end();
      this.#scan = undefined;
      await delay(reconnectMs, undefined, { ref: true });
    }
  }

  /** Works on what was held. */
  goOn(): void {
    for (const { lease, results } of this.#batches.values())
      if (results === undefined) this.#finish(lease);
  }

  #send(
    frame: NonNullable<Parameters<typeof create<typeof AttachRequestSchema>>[1]>['frame'],
  ): void {
    this.#outgoing.push(create(AttachRequestSchema, { frame: frame! }));
  }

  #sendHello(): void {
    const leases = [...this.#batches.values()].map(({ lease }) => lease.key!);
    const hello = { version: 'bench', platform: 'bench', slots: this.#slots, leases, knownSettings: knownSettings() }; // oxfmt-ignore
    this.#send({ case: 'hello', value: { ...hello, locationKinds: ['file', 'sharepoint'] } });
    for (const { lease, results } of this.#batches.values())
      if (results !== undefined) this.#send({ case: 'batchDone', value: { key: lease.key!, results } }); // oxfmt-ignore
  }

  #take(frame: AttachResponse['frame']): void {
    switch (frame.case) {
      case 'welcome':
        this.#isAttached = true;
        void this.#beat(durationMs(frame.value.heartbeatInterval!), this.#outgoing);
        return;
      case 'scanLease':
        this.#work.onScanLease(frame.value.key!.lease);
        this.#beginScan(frame.value);
        return;
      case 'batchLease':
        this.#batches.set(frame.value.key!.lease, { lease: frame.value, results: undefined });
        if (!this.#work.isHolding) this.#finish(frame.value);
        return;
      case 'acknowledgement':
        this.#acknowledged(frame.value.key!, Number(frame.value.page));
        return;
      case 'leaseRevocation':
        this.#batches.delete(frame.value.key!.lease);
        this.#send({ case: 'leaseReturn', value: { keys: [frame.value.key!] } });
        return;
      case 'locationCheck':
        this.#send({ case: 'locationCheckDone', value: { check: frame.value.check } });
        return;
      default:
    }
  }

  /** Says of every lease that it is still held, a few times a second as long as there are any. */
  async #beat(idleMs: number, outgoing: AsyncQueue<AttachRequest>): Promise<void> {
    for (let sinceMs = 0; outgoing.room > 0; sinceMs += busyHeartbeatMs) {
      const keys = [...this.#batches.values()].map(({ lease }) => lease.key!);
      if (this.#scan !== undefined) keys.push(this.#scan.key);
      if (keys.length > 0 || sinceMs >= idleMs) {
        this.#send({ case: 'heartbeat', value: { leases: keys.map((key) => ({ key })) } });
        sinceMs = 0;
      }
      // Not all at the same moment, as agents that were started by different people.
      await delay(busyHeartbeatMs * (0.9 + 0.2 * Math.random()), undefined, { ref: false });
    }
  }

  #beginScan({ key, nextPage, pageWindow }: ScanLease): void {
    const next = Number(nextPage);
    this.#scan = { key: key!, nextPage: next, acknowledgedPage: next - 1, window: pageWindow, isEndSent: false }; // oxfmt-ignore
    this.#scanOn(this.#scan);
  }

  #scanOn(scan: Scan): void {
    const { items } = this.#work;
    const last = pagesOf(items);
    while (scan.nextPage <= last && scan.nextPage <= scan.acknowledgedPage + scan.window) {
      const page = scan.nextPage++;
      this.#send({
        case: 'scanPage',
        value: { key: scan.key, page: BigInt(page), items: encodeSharePage(page, items) },
      });
    }
    if (scan.acknowledgedPage < last || scan.isEndSent) return;
    scan.isEndSent = true;
    this.#send({ case: 'scanDone', value: { key: scan.key, pages: BigInt(last) } });
  }

  #acknowledged({ lease }: LeaseKey, page: number): void {
    if (this.#scan?.key.lease !== lease) {
      this.#batches.delete(lease);
      return;
    }
    if (page === 0) this.#scan = undefined;
    else {
      this.#scan.acknowledgedPage = Math.max(this.#scan.acknowledgedPage, page);
      this.#scanOn(this.#scan);
    }
  }

  #finish(lease: BatchLease): void {
    const results = encodeResults(lease.items);
    this.#batches.set(lease.key!.lease, { lease, results });
    this.#send({ case: 'batchDone', value: { key: lease.key!, results } });
  }
}

/** What a real agent answers when every item of a batch went well; the hashes are chance, as they are to whoever keeps them. */
function encodeResults(encodedItems: Uint8Array): Uint8Array {
  const items = fromBinary(BatchItemsSchema, encodedItems);
  const count = items.path.length;
  const isFile = items.kind.map((kind) => kind === ItemKind.FILE);
  return toBinary(
    BatchResultsSchema,
    create(BatchResultsSchema, {
      state: new Array<ItemState>(count).fill(ItemState.SUCCEEDED),
      size: items.size,
      modifiedNs: items.modifiedNs,
      destinationModifiedNs: items.modifiedNs,
      sha256: randomFillSync(new Uint8Array(32 * count)),
      quickXorHash: randomFillSync(new Uint8Array(20 * count)),
      attempts: new Array<number>(count).fill(1),
      verification: isFile.map((is) => is ? ItemVerification.HASH : ItemVerification.UNSPECIFIED), // oxfmt-ignore
    }),
  );
}
