// What the emulator was asked and what it answered, for whoever tests a client with it.
import { routeClasses, type RouteClass } from './route.ts';

/** Requests to Entra and Graph since the start or the last reset; those to the control address are not among them. */
export interface StatsSnapshot {
  requests: number;
  methods: Record<string, number>;
  classes: Record<RouteClass, number>;
  /** Requests by class and method, such as "items": {"GET": 3}. */
  classMethods: Partial<Record<RouteClass, Record<string, number>>>;
  statuses: Record<string, number>;
  /** Connections that were cut, or given up by the client, in place of an answer. */
  unanswered: number;
  /** Bytes of bodies. */
  bytesIn: number;
  bytesOut: number;
}

/** Counts; every method is constant time. */
export class Stats {
  #now = empty();

  request(method: string, routeClass: RouteClass): void {
    const now = this.#now;
    now.requests += 1;
    now.classes[routeClass] += 1;
    increment(now.methods, method);
    increment((now.classMethods[routeClass] ??= {}), method);
  }

  status(status: number): void {
    increment(this.#now.statuses, String(status));
  }

  unanswered(): void {
    this.#now.unanswered += 1;
  }

  bytes(received: number, sent: number): void {
    this.#now.bytesIn += received;
    this.#now.bytesOut += sent;
  }

  reset(): void {
    this.#now = empty();
  }

  snapshot(): StatsSnapshot {
    return structuredClone(this.#now);
  }
}

function empty(): StatsSnapshot {
  const classes = Object.fromEntries(routeClasses.map((name) => [name, 0]));
  return {
    requests: 0,
    methods: {},
    classes: classes as Record<RouteClass, number>,
    classMethods: {},
    statuses: {},
    unanswered: 0,
    bytesIn: 0,
    bytesOut: 0,
  };
}

function increment(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
