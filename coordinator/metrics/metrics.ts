// What a coordinator measures of itself, in Prometheus' terms. The only door to prom-client. docs/METRICS.md lists what is here, and a
// test compares the two.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { AgentStateSchema, type AgentState } from '../../gen/drover/v1/agent_pb.ts';
import { RunStateSchema, type Run, type RunState } from '../../gen/drover/v1/run_pb.ts';
import { version } from '../../lib/version.ts';
import type { DispatchFigures } from '../dispatch/dispatcher.ts';
import type { Observer } from '../observer.ts';
import { isRunOpen } from '../task/run-states.ts';

/** What is asked for at each scrape. */
export interface MetricsSource {
  dispatch(): DispatchFigures;
  /** How many agents are in each state; states without any may be missing. */
  agents(): Promise<ReadonlyMap<AgentState, number>>;
  /** How many events of webhooks there are. */
  webhooks(): Promise<{ waiting: number; dead: number }>;
}

const millisecondsPerSecond = 1000;

/** One registry of its own, so that two coordinators in one process do not count together. */
export class Metrics implements Observer {
  readonly #registry = new Registry();
  readonly #calls: Histogram<'rpc' | 'code'>;
  readonly #writes: Histogram;
  readonly #rows: Counter;
  readonly #items: Counter<'result'>;
  readonly #bytes: Counter<'result'>;
  readonly #scanned: Counter;
  readonly #ended: Counter<'state'>;
  readonly #throttled: Counter;
  readonly #throttleWait: Counter;
  readonly #deliveries: Counter<'result'>;

  constructor(source: MetricsSource) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#registry.registerMetric(
      new Gauge({
        name: 'drover_build_info',
        help: 'Always 1; its label says which version runs.',
        labelNames: ['version'],
        registers,
        collect() {
          this.set({ version }, 1);
        },
      }),
    );
    this.#calls = new Histogram({
      name: 'drover_call_duration_seconds',
      help: 'How long calls of the API took, by method and gRPC code; a stream counts when it ends.',
      labelNames: ['rpc', 'code'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    });
    this.#writes = new Histogram({
      name: 'drover_store_write_duration_seconds',
      help: 'How long writes to the store took, with their way to the disk.',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
      registers,
    });
    this.#rows = new Counter({
      name: 'drover_store_rows_written_total',
      help: 'Rows that were written to the store, index rows among them.',
      registers,
    });
    this.#scanned = new Counter({
      name: 'drover_items_scanned_total',
      help: 'Items that scans found.',
      registers,
    });
    this.#items = new Counter({
      name: 'drover_items_total',
      help: 'Items that are done, by result: succeeded, skipped, failed, moved (of those that succeeded), recycled.',
      labelNames: ['result'],
      registers,
    });
    this.#bytes = new Counter({
      name: 'drover_bytes_total',
      help: 'Bytes of files that are done, by result: succeeded, failed.',
      labelNames: ['result'],
      registers,
    });
    this.#ended = new Counter({
      name: 'drover_runs_ended_total',
      help: 'Runs that ended, by the state they ended in.',
      labelNames: ['state'],
      registers,
    });
    this.#throttled = new Counter({
      name: 'drover_throttled_requests_total',
      help: 'Requests of agents that the tenant throttled.',
      registers,
    });
    this.#throttleWait = new Counter({
      name: 'drover_throttle_wait_seconds_total',
      help: 'How long requests of agents waited because the tenant throttles, all requests together.',
      registers,
    });
    this.#deliveries = new Counter({
      name: 'drover_webhook_deliveries_total',
      help: 'Tries to deliver events to webhooks, by result: delivered, failed, gone, dead (failed, and the last).',
      labelNames: ['result'],
      registers,
    });
    addDispatchGauges(source, registers);
    addAgentGauge(source, registers);
    addWebhookGauge(source, registers);
  }

  call(rpc: string, code: string, durationMs: number): void {
    this.#calls.observe({ rpc, code }, durationMs / millisecondsPerSecond);
  }

  wrote(rows: number, durationMs: number): void {
    this.#writes.observe(durationMs / millisecondsPerSecond);
    this.#rows.inc(rows);
  }

  advanced(before: Run, after: Run): void {
    const [was, is] = [before.progress!, after.progress!];
    // What was counted as failed or gone may turn out not to be; a counter never falls.
    const add = (counter: { inc(by: number): void }, by: bigint) => {
      if (by > 0n) counter.inc(Number(by));
    };
    const items = (result: string) => this.#items.labels({ result });
    const bytes = (result: string) => this.#bytes.labels({ result });
    add(this.#scanned, is.scannedItems - was.scannedItems);
    add(items('succeeded'), is.succeededItems - was.succeededItems);
    add(items('skipped'), is.skippedItems - was.skippedItems);
    add(items('failed'), is.failedItems - was.failedItems);
    add(items('moved'), is.movedItems - was.movedItems);
    add(items('recycled'), is.recycledItems - was.recycledItems);
    add(bytes('succeeded'), is.succeededBytes - was.succeededBytes);
    add(bytes('failed'), is.failedBytes - was.failedBytes);
    if (isRunOpen(before.state) && !isRunOpen(after.state))
      this.#ended.inc({ state: runStateLabel(after.state) });
  }

  throttled(requests: number, waitMs: number): void {
    this.#throttled.inc(requests);
    this.#throttleWait.inc(waitMs / millisecondsPerSecond);
  }

  delivered(result: string): void {
    this.#deliveries.inc({ result });
  }

  /** The names of everything that is measured here, without what is known of any process. */
  get names(): string[] {
    return this.#registry
      .getMetricsAsArray()
      .map(({ name }) => name)
      .filter((name) => name.startsWith('drover_'));
  }

  /** The text that Prometheus reads, and the content type that it has. */
  async text(): Promise<{ text: string; contentType: string }> {
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }
}

function addDispatchGauges(source: MetricsSource, registers: Registry[]): void {
  new Gauge({
    name: 'drover_runs',
    help: 'Runs that have not ended, by state.',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset();
      for (const state of openStates) this.set({ state: runStateLabel(state) }, 0);
      for (const { state } of source.dispatch().runs) this.inc({ state: runStateLabel(state) });
    },
  });
  new Gauge({
    name: 'drover_queue_batches',
    help: 'Batches of runs that are going which no agent has yet.',
    registers,
    collect() {
      this.set(source.dispatch().runs.reduce((sum, { queuedBatches }) => sum + queuedBatches, 0));
    },
  });
  new Gauge({
    name: 'drover_runs_waiting',
    help: 'Runs that could go on and for which no agent works.',
    registers,
    collect() {
      this.set(source.dispatch().runs.filter(({ isWaiting }) => isWaiting).length);
    },
  });
  new Gauge({
    name: 'drover_leases',
    help: 'Leases that agents hold, by kind: scan, batch.',
    labelNames: ['kind'],
    registers,
    collect() {
      const { scanLeases, batchLeases } = source.dispatch();
      this.set({ kind: 'scan' }, scanLeases);
      this.set({ kind: 'batch' }, batchLeases);
    },
  });
  new Gauge({
    name: 'drover_slots',
    help: 'Slots that attached agents offer.',
    registers,
    collect() {
      this.set(source.dispatch().slots);
    },
  });
}

function addAgentGauge(source: MetricsSource, registers: Registry[]): void {
  new Gauge({
    name: 'drover_agents',
    help: 'Agents that joined, by state.',
    labelNames: ['state'],
    registers,
    async collect() {
      const counts = await source.agents();
      this.reset();
      for (const { number, localName } of AgentStateSchema.values)
        if (number !== 0)
          this.set({ state: localName.toLowerCase() }, counts.get(number as AgentState) ?? 0);
    },
  });
}

function addWebhookGauge(source: MetricsSource, registers: Registry[]): void {
  new Gauge({
    name: 'drover_webhook_events',
    help: 'Events of webhooks that are not delivered, by state: waiting, dead.',
    labelNames: ['state'],
    registers,
    async collect() {
      const { waiting, dead } = await source.webhooks();
      this.set({ state: 'waiting' }, waiting);
      this.set({ state: 'dead' }, dead);
    },
  });
}

const openStates = RunStateSchema.values
  .map(({ number }) => number as RunState)
  .filter((state) => isRunOpen(state));

function runStateLabel(state: RunState): string {
  return RunStateSchema.value[state]?.localName.toLowerCase() ?? String(state);
}
