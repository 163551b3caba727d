// An agent that acts by chance: it works, gives back, vanishes, forgets, and comes back late. It keeps what a real one keeps in its
// journal: the leases it was given, and results until they are acknowledged.
import { toBinary } from '@bufbuild/protobuf';
import { BatchResultsSchema } from '../../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { ItemState } from '../../../gen/drover/v1/item_pb.ts';
import type {
  AttachResponse,
  BatchLease,
  LeaseKey,
  ScanLease,
} from '../../../gen/drover/v1/session_pb.ts';
import type { Below } from '../../store/testing/random.ts';
import type { Dispatcher } from '../dispatcher.ts';
import { goodResults, ScriptedAgent, type Entry } from './scripted-agent.ts';

/** What all agents of a simulation know, and what they noticed. */
export interface World {
  below: Below;
  /** What the scan finds, page by page. */
  pages: readonly (readonly Entry[])[];
  /** Encoded results by lease id, once they were acknowledged. */
  acknowledged: Map<string, Uint8Array>;
  /** What must never happen, in words. */
  violations: string[];
}

type Held =
  | { kind: 'scan'; lease: ScanLease; nextPage: bigint; ackedPage: bigint; endSent: boolean }
  | { kind: 'batch'; lease: BatchLease; results: Uint8Array | undefined };

export class SimulatedAgent {
  readonly name: string;
  readonly slots: number;
  readonly #world: World;
  readonly #held = new Map<string, Held>();
  #session: ScriptedAgent | undefined;
  #seen = 0;

  constructor(name: string, slots: number, world: World) {
    this.name = name;
    this.slots = slots;
    this.#world = world;
  }

  get isAttached(): boolean {
    return this.#session?.ended === false;
  }

  get idle(): boolean {
    return this.#held.size === 0;
  }

  /** Takes note of everything that came. */
  listen(): void {
    const fresh = this.#session?.received.slice(this.#seen) ?? [];
    this.#seen += fresh.length;
    for (const frame of fresh) this.#take(frame);
    if (this.#held.size > this.slots)
      this.#world.violations.push(`${this.name} has ${this.#held.size} of ${this.slots} leases`);
  }

  attach(dispatcher: Dispatcher): void {
    const leases = [...this.#held.values()].map(({ lease }) => lease.key!);
    this.#session = new ScriptedAgent(dispatcher, this.name, { slots: this.slots, leases });
    this.#seen = 0;
    for (const held of this.#held.values()) {
      if (held.kind === 'batch' && held.results !== undefined)
        this.#send(held.lease.key!, held.results);
      // What was not acknowledged is sent again; a scan begins again after its last acknowledged page.
      if (held.kind === 'scan') Object.assign(held, { nextPage: held.ackedPage + 1n, endSent: false }); // prettier-ignore
    }
  }

  vanish(): void {
    this.listen();
    this.#session?.vanish();
    this.#session = undefined;
  }

  /** Loses what is in memory, which is everything but finished results. */
  forget(): void {
    for (const [id, held] of this.#held)
      if (held.kind === 'scan' || held.results === undefined) this.#held.delete(id);
  }

  beat(): void {
    this.#session?.beat(...[...this.#held.values()].map(({ lease }) => lease.key));
  }

  /** Goes on with one lease, chosen by chance. */
  work(): void {
    const held = this.#choose();
    if (held?.kind === 'scan') this.#scanOn(held);
    else if (held?.results === undefined && held !== undefined) this.#finish(held);
  }

  /** Gives a lease back without having finished it. */
  giveUp(): void {
    const held = this.#choose();
    if (held === undefined || (held.kind === 'batch' && held.results !== undefined)) return;
    this.#held.delete(held.lease.key!.lease);
    this.#session?.giveBack(held.lease.key);
  }

  #choose(): Held | undefined {
    const all = [...this.#held.values()];
    return all.length === 0 ? undefined : all[this.#world.below(all.length)];
  }

  #scanOn(held: Held & { kind: 'scan' }): void {
    const { pages, below } = this.#world;
    const { key } = held.lease;
    const last = BigInt(pages.length);
    if (held.nextPage > last) {
      if (held.ackedPage === last && !held.endSent) this.#session?.sendScanDone(key, last);
      held.endSent = held.ackedPage === last;
      return;
    }
    if (held.nextPage > held.ackedPage + BigInt(held.lease.pageWindow)) return;
    const page = held.nextPage;
    for (let times = below(10) === 0 ? 2 : 1; times > 0; times -= 1)
      this.#session?.sendPage(key, page, pages[Number(page) - 1]!);
    held.nextPage += 1n;
  }

  #finish(held: Held & { kind: 'batch' }): void {
    const { below } = this.#world;
    const results = goodResults(held.lease.items);
    for (const index of results.state.keys()) {
      const luck = below(20);
      if (luck > 1) continue;
      results.state[index] = luck === 0 ? ItemState.FAILED : ItemState.SKIPPED;
      results.remark.push({ $typeName: 'drover.v1.ItemRemark', index, reason: ErrorReason.SOURCE_VANISHED, message: this.name }); // prettier-ignore
    }
    held.results = toBinary(BatchResultsSchema, results);
    this.#send(held.lease.key!, held.results);
  }

  #send(key: LeaseKey, results: Uint8Array): void {
    this.#session?.push({ case: 'batchDone', value: { key, results } });
  }

  #take(frame: AttachResponse['frame']): void {
    switch (frame.case) {
      case 'scanLease': {
        const { nextPage } = frame.value;
        this.#hold({ kind: 'scan', lease: frame.value, nextPage, ackedPage: nextPage - 1n, endSent: false }); // prettier-ignore
        return;
      }
      case 'batchLease':
        this.#hold({ kind: 'batch', lease: frame.value, results: undefined });
        return;
      case 'acknowledgement':
        this.#acknowledged(frame.value.key!, frame.value.page);
        return;
      case 'leaseRevocation': {
        const { key } = frame.value;
        if (this.#held.get(key!.lease)?.lease.key!.generation === key!.generation)
          this.#held.delete(key!.lease);
        this.#session?.giveBack(key);
        return;
      }
      default:
    }
  }

  #hold(held: Held): void {
    const { lease, generation } = held.lease.key!;
    const before = this.#held.get(lease)?.lease.key!.generation ?? 0;
    if (generation <= before) this.#world.violations.push(`${lease} was given twice`);
    this.#held.set(lease, held);
  }

  #acknowledged({ lease, generation }: LeaseKey, page: bigint): void {
    const held = this.#held.get(lease);
    if (held === undefined || held.lease.key!.generation !== generation) return;
    if (held.kind === 'scan' && page > 0n) {
      if (page > held.ackedPage) held.ackedPage = page;
      return;
    }
    this.#held.delete(lease);
    if (held.kind === 'scan') return;
    const { acknowledged, violations } = this.#world;
    if (acknowledged.has(lease)) violations.push(`${lease} was acknowledged twice`);
    acknowledged.set(lease, held.results!);
  }
}
