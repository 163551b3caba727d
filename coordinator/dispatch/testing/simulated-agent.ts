// An agent that acts by chance: it works, gives back, vanishes, forgets, and comes back late. It keeps what a real one keeps in its
// journal: the leases it was given, and results until they are acknowledged.
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  BatchItemsSchema,
  BatchResultsSchema,
  type BatchResults,
} from '../../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import { ItemState } from '../../../gen/drover/v1/item_pb.ts';
import type {
  AttachResponse,
  BatchLease,
  BatchPhase,
  LeaseKey,
  ScanLease,
} from '../../../gen/drover/v1/session_pb.ts';
import type { Below } from '../../store/testing/random.ts';
import type { Dispatcher } from '../dispatcher.ts';
import { goodResults, ScriptedAgent, type Entry } from './scripted-agent.ts';
import { decodeBatchResults } from '../../plan/decode-columns.ts';

/** What all agents of a simulation know, and what they noticed. */
export interface World {
  below: Below;
  /** What the scan finds, page by page. */
  pages: readonly (readonly Entry[])[];
  /** What became of each item, by `itemKey`, once it was acknowledged. */
  acknowledged: Map<string, ItemState>;
  /** What must never happen, in words. */
  violations: string[];
}

type Held =
  | { kind: 'scan'; lease: ScanLease; nextPage: bigint; ackedPage: bigint; endSent: boolean }
  | { kind: 'batch'; lease: BatchLease; done: bigint; results: Uint8Array | undefined; partial: boolean }; // oxfmt-ignore

export class SimulatedAgent {
  readonly name: string;
  readonly slots: number;
  readonly #world: World;
  readonly #group: string;
  readonly #held = new Map<string, Held>();
  #session: ScriptedAgent | undefined;
  #seen = 0;

  constructor(name: string, slots: number, world: World, group = '') {
    this.name = name;
    this.#group = group;
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
    const { slots } = this;
    this.#session = new ScriptedAgent(dispatcher, this.name, { slots, leases, group: this.#group });
    this.#seen = 0;
    for (const held of this.#held.values()) {
      if (held.kind === 'batch' && held.results !== undefined) this.#send(held);
      // What was not acknowledged is sent again; a scan begins again after its last acknowledged page.
      if (held.kind === 'scan') Object.assign(held, { nextPage: held.ackedPage + 1n, endSent: false }); // oxfmt-ignore
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

  /** Says how far it is: now and then an item further. */
  beat(): void {
    const leases = [...this.#held.values()].map((held) => {
      if (held.kind === 'batch') held.done += BigInt(this.#world.below(2));
      return { key: held.lease.key!, items: held.kind === 'batch' ? held.done : 0n, bytes: 0n };
    });
    this.#session?.push({ case: 'heartbeat', value: { leases } });
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
    held.results = toBinary(BatchResultsSchema, this.#resultsOf(held.lease));
    this.#send(held);
  }

  /** Stops as it was told: some items are done, whichever they are, or none. */
  #stop(held: Held & { kind: 'batch' }): void {
    const results = this.#resultsOf(held.lease);
    const chance = this.#world.below(4);
    for (const index of results.state.keys())
      if (this.#world.below(3) >= chance) results.state[index] = ItemState.UNSPECIFIED;
    results.remark = results.remark.filter(({ index }) => results.state[index] !== ItemState.UNSPECIFIED); // oxfmt-ignore
    Object.assign(held, { results: toBinary(BatchResultsSchema, results), partial: true });
    this.#send(held);
  }

  #resultsOf(lease: BatchLease): BatchResults {
    const { below } = this.#world;
    const results = goodResults(lease.items);
    for (const index of results.state.keys()) {
      const luck = below(20);
      if (luck > 1) continue;
      results.state[index] = luck === 0 ? ItemState.FAILED : ItemState.SKIPPED;
      results.remark.push({ $typeName: 'drover.v1.ItemRemark', index, reason: ErrorReason.SOURCE_VANISHED, message: this.name, requestId: '' }); // oxfmt-ignore
    }
    return results;
  }

  #send({ lease, results, partial }: Held & { kind: 'batch' }): void {
    this.#session?.push({ case: 'batchDone', value: { key: lease.key!, results: results!, partial } }); // oxfmt-ignore
  }

  #take(frame: AttachResponse['frame']): void {
    switch (frame.case) {
      case 'scanLease': {
        const { nextPage } = frame.value;
        this.#hold({ kind: 'scan', lease: frame.value, nextPage, ackedPage: nextPage - 1n, endSent: false }); // oxfmt-ignore
        return;
      }
      case 'batchLease':
        this.#hold({ kind: 'batch', lease: frame.value, done: 0n, results: undefined, partial: false }); // oxfmt-ignore
        return;
      case 'acknowledgement':
        this.#acknowledged(frame.value.key!, frame.value.page);
        return;
      case 'leaseRevocation': {
        const { key, takesPartial } = frame.value;
        const held = this.#held.get(key!.lease);
        const isHeld = held?.lease.key!.generation === key!.generation;
        if (takesPartial && isHeld && held.kind === 'batch' && this.#world.below(4) > 0) {
          // Results that are on their way already say it all.
          if (held.results === undefined) this.#stop(held);
          return;
        }
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
    this.#note(held);
  }

  /** What was acknowledged of a batch must be told once, and never change. */
  #note({ lease, results }: Held & { kind: 'batch' }): void {
    const { acknowledged, violations } = this.#world;
    const { state } = decodeBatchResults(results!);
    for (const [index, path] of fromBinary(BatchItemsSchema, lease.items).path.entries()) {
      if (state[index] === ItemState.UNSPECIFIED) continue;
      const item = itemKey(taskOf(lease), lease.phase, path);
      if (acknowledged.has(item)) violations.push(`${item} was acknowledged twice`);
      acknowledged.set(item, state[index]!);
    }
  }
}

/** Names an item of a task in one of the phases. */
export function itemKey(task: string, phase: BatchPhase, path: string): string {
  return `${task} ${phase} ${path}`;
}

function taskOf({ key }: BatchLease): string {
  return key!.lease.split('/')[1]!;
}
