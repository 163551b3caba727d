// Runs, leases and plans by chance: agents die, come back late, send twice and in any order, give up and are cut short, people pause, resume and
// cancel, clocks jump; after each event everything that must hold is checked (see run-model.ts), and every run comes to its end
// once chance has calmed down. No store and no waiting, so a second holds tens of thousands of events.
//
// DROVER_SIMULATION_EVENTS=5000000 plays more of them, DROVER_SIMULATION_SEED=7 those of one seed; a failure says its seed.
import { env } from 'node:process';
import test from 'ava';
import { GoneDecision, RunState } from '../../gen/drover/v1/run_pb.ts';
import { numbersOf, type Below } from '../store/testing/random.ts';
import type { RunEvent } from './run-machine.ts';
import { RunModel, Violation, type Fate, type Message, type Target } from './testing/run-model.ts';

const events = Number(env['DROVER_SIMULATION_EVENTS'] ?? 60_000);
const seeds = env['DROVER_SIMULATION_SEED'] === undefined ? [1, 2, 3, 4] : [Number(env['DROVER_SIMULATION_SEED'])]; // oxfmt-ignore
const agentsCount = 4;
const heldMax = 3;
const waitingMessagesMax = 40;
/** How many events a run may take to its end when nothing goes wrong any more. */
const calmEventsMax = 2000;

/** What an agent believes that it holds. */
interface Held {
  target: Target;
  generation: number;
  /** Items of a batch; the next page of a scan. */
  items: number;
  nextPage: number;
}

class World {
  readonly model: RunModel;
  readonly #below: Below;
  readonly #agents: Held[][] = Array.from({ length: agentsCount }, () => []);
  #messages: Message[] = [];

  constructor(below: Below) {
    this.#below = below;
    this.model = new RunModel(below);
  }

  /** One thing that happens by chance. */
  happen(): void {
    const luck = this.#below(100);
    if (luck < 25) this.#give();
    else if (luck < 55) this.#work();
    else if (luck < 80) this.#deliver();
    else if (luck < 84) this.#expire();
    else if (luck < 87) this.#die();
    else if (luck < 90) this.model.nowMs += this.#below(200_000) - 60_000;
    else if (luck < 91) this.#messages = [];
    else this.#control();
    this.model.check();
  }

  /** Nothing goes wrong: the run comes to its end, or this throws. */
  calmDown(): void {
    const { model } = this;
    this.#messages = [];
    for (const held of this.#agents) held.length = 0;
    for (const [target, generation] of model.live) model.take({ kind: 'return', target, generation }); // oxfmt-ignore
    for (let count = 0; count < calmEventsMax && model.isOpen; count++) {
      const { state } = model.row.run!;
      if (state === RunState.PAUSED) model.control(this.#resumption());
      else if (state === RunState.AWAITING_APPROVAL) model.control(this.#approval());
      else if (state === RunState.CANCELLING) model.control({ kind: 'stopped' });
      else {
        this.#give();
        this.#work(true);
        while (this.#messages.length > 0) this.#deliver(true);
      }
      model.check();
    }
    if (model.isOpen) throw new Violation('the run does not end');
  }

  #give(): void {
    const agent = this.#agents[this.#below(agentsCount)]!;
    const leasable = this.model.leasable();
    if (agent.length >= heldMax || leasable.length === 0) return;
    const target = leasable[this.#below(leasable.length)]!;
    const generation = this.model.lease(target, 'one');
    const items = target === 'scan' ? 0 : this.model.batches[target - 1]!.items.length;
    agent.push({ target, generation, items, nextPage: Number(this.model.row.scan!.lastPage) + 1 });
  }

  /** An agent goes on with something that it believes it holds, also when it was lost long ago. */
  #work(isCalm = false): void {
    const busy = this.#agents.filter(({ length }) => length > 0);
    if (busy.length === 0) return;
    const agent = busy[this.#below(busy.length)]!;
    const held = agent[this.#below(agent.length)]!;
    if (!isCalm && this.#below(10) === 0) this.#send({ ...held, kind: 'return' });
    else if (held.target === 'scan') this.#scanOn(held, isCalm);
    else this.#send({ kind: 'results', batch: held.target, generation: held.generation, fates: this.#fates(held, isCalm) }); // oxfmt-ignore
  }

  #scanOn(held: Held, isCalm: boolean): void {
    const { pages } = this.model;
    const { generation } = held;
    // Pages that were lost are sent again.
    if (isCalm || this.#below(4) === 0) held.nextPage = Number(this.model.row.scan!.lastPage) + 1;
    const isFailure = !isCalm && this.#below(60) === 0;
    if (held.nextPage > pages || isFailure)
      this.#send({ kind: 'scan-end', generation, pages, isFailure }); // oxfmt-ignore
    else this.#send({ kind: 'page', generation, page: held.nextPage++ });
  }

  /** Of all items, or of some when the agent was told to stop. */
  #fates({ items }: Held, isCalm: boolean): Fate[] {
    const isPartial = !isCalm && this.#below(5) === 0;
    const length = isPartial ? this.#below(items) : items;
    return Array.from({ length }, () => {
      const luck = this.#below(10);
      return luck === 0 ? 'failed' : luck === 1 ? 'skipped' : 'succeeded';
    });
  }

  #send(message: Message): void {
    if (this.#messages.length < waitingMessagesMax) this.#messages.push(message);
  }

  /** Any of the messages that are on their way arrives, perhaps not for the last time. */
  #deliver(isCalm = false): void {
    if (this.#messages.length === 0) return;
    const at = isCalm ? 0 : this.#below(this.#messages.length);
    const message = this.#messages[at]!;
    if (isCalm || this.#below(8) > 0) this.#messages.splice(at, 1);
    const answer = this.model.take(message);
    // The answer may be lost; then the agent says it again some time.
    const isHeard = answer !== 'out of turn' && (isCalm || this.#below(5) > 0);
    if (isHeard && (answer === 'refused' || message.kind !== 'page')) this.#forget(message);
  }

  #forget(message: Message): void {
    const target = message.kind === 'results' ? message.batch : message.kind === 'return' ? message.target : 'scan'; // oxfmt-ignore
    for (const held of this.#agents) {
      const at = held.findIndex((one) => one.target === target && one.generation === message.generation); // oxfmt-ignore
      if (at >= 0) held.splice(at, 1);
    }
  }

  /** The coordinator takes back what it has not heard of. */
  #expire(): void {
    const live = [...this.model.live];
    if (live.length === 0 || !this.model.isOpen) return;
    const [target, generation] = live[this.#below(live.length)]!;
    this.model.take({ kind: 'return', target, generation });
  }

  /** An agent loses what it knows; what it has sent is still on its way. */
  #die(): void {
    this.#agents[this.#below(agentsCount)]!.length = 0;
  }

  #control(): void {
    const { model } = this;
    const luck = this.#below(40);
    if (model.row.run!.state === RunState.CANCELLING && model.live.size === 0)
      model.control({ kind: 'stopped' }); // oxfmt-ignore
    else if (luck === 0) model.control({ kind: 'cancel' });
    else if (luck < 12) model.control({ kind: 'pause' });
    else if (luck === 12) model.control({ kind: 'reject', approver: 'b', comment: 'no' });
    else if (luck < 20) model.control(this.#approval());
    else model.control(this.#below(3) === 0 ? { kind: 'resume' } : this.#resumption());
  }

  /** One that is taken when the run waits for it, of another plan now and then. */
  #approval(): RunEvent & { kind: 'approve' } {
    const { gone = GoneDecision.UNSPECIFIED } = this.#resumption();
    const planDigest = this.#below(6) === 0 ? 'another' : '';
    return { kind: 'approve', approver: 'b', comment: '', planDigest, gone };
  }

  #resumption(): { kind: 'resume'; gone?: GoneDecision } {
    if (!this.model.isAsking) return { kind: 'resume' };
    return {
      kind: 'resume',
      gone: this.#below(2) === 0 ? GoneDecision.KEEP : GoneDecision.RECYCLE,
    };
  }
}

for (const seed of seeds)
  test(`whatever happens to a run, nothing is lost, counted twice or held by two (seed ${seed})`, (t) => {
    const below = numbersOf(seed);
    const ends = new Map<number, number>();
    let happened = 0;
    for (let run = 1; happened < events / seeds.length; run++) {
      const world = new World(below);
      const chaos = 20 + below(400);
      try {
        for (let count = 0; count < chaos; count++, happened++) world.happen();
        world.calmDown();
        // What comes after the end changes nothing.
        for (let count = 0; count < 20; count++, happened++) world.happen();
      } catch (error) {
        t.fail(`seed ${seed}, run ${run}, event ${happened}: ${String(error)}`);
        throw error;
      }
      const { state } = world.model.row.run!;
      ends.set(state, (ends.get(state) ?? 0) + 1);
    }
    // A simulation in which nothing much happens proves nothing.
    for (const state of [
      RunState.SUCCEEDED,
      RunState.SUCCEEDED_WITH_FAILURES,
      RunState.FAILED,
      RunState.CANCELLED,
    ])
      // oxfmt-ignore
      t.true((ends.get(state) ?? 0) > 0, `some runs end as ${state}`);
  });
