// Decides which faults meet a request. Every rule counts every request that it matches, whatever the rules before it did, so
// that what "the third PUT" is does not depend on which other rules there are.
import type { Fault, FaultRule } from './rule.ts';
import { seededRandom } from './random.ts';

/** What rules look at. */
export interface FaultSubject {
  /** Upper case. */
  method: string;
  /** Lower case, without port. */
  host: string;
  /** Path and query as they were sent. */
  target: string;
}

/** A rule with what became of it. */
export interface CountedRule extends FaultRule {
  name: string;
  /** Requests that met its conditions on method, path and host. */
  matches: number;
  /** Requests that its fault was played on. */
  hits: number;
}

/** Addresses that a rule remembers to have answered with "not found"; the oldest are forgotten first. */
const rememberedTargetsMax = 100_000;

export class FaultEngine {
  #rules: ActiveRule[] = [];
  #lastNumber = 0;

  get empty(): boolean {
    return this.#rules.length === 0;
  }

  /** Takes these rules in place of all; their counts begin at zero. */
  replace(rules: readonly FaultRule[]): void {
    this.#rules = [];
    this.#lastNumber = 0;
    this.add(rules);
  }

  /** A rule with the name of one that is there takes its place. */
  add(rules: readonly FaultRule[]): void {
    for (const rule of rules) {
      const active = new ActiveRule(rule, rule.name ?? `rule ${(this.#lastNumber += 1)}`);
      const at = this.#rules.findIndex(({ name }) => name === active.name);
      if (at < 0) this.#rules.push(active);
      else this.#rules[at] = active;
    }
  }

  /** False when there is none of this name. */
  remove(name: string): boolean {
    const before = this.#rules.length;
    this.#rules = this.#rules.filter((rule) => rule.name !== name);
    return this.#rules.length < before;
  }

  list(): CountedRule[] {
    return this.#rules.map(({ rule, name, matches, hits }) => ({ ...rule, name, matches, hits }));
  }

  resetCounts(): void {
    this.#rules = this.#rules.map(({ rule, name }) => new ActiveRule(rule, name));
  }

  /** The faults that meet this request, in the order of the rules. */
  strike(subject: FaultSubject): Fault[] {
    const faults: Fault[] = [];
    for (const rule of this.#rules) if (rule.strikes(subject)) faults.push(rule.rule.fault);
    return faults;
  }
}

class ActiveRule {
  readonly rule: FaultRule;
  readonly name: string;
  matches = 0;
  hits = 0;
  readonly #methods: readonly string[] | undefined;
  readonly #path: RegExp | undefined;
  readonly #random: () => number;
  /** For "not found once": how often each address was hit. */
  readonly #targets = new Map<string, number>();

  constructor(rule: FaultRule, name: string) {
    this.rule = rule;
    this.name = name;
    this.#methods = rule.method?.split(',').map((method) => method.trim().toUpperCase());
    this.#path = rule.path === undefined ? undefined : new RegExp(rule.path);
    this.#random = seededRandom(rule.seed ?? 1);
  }

  strikes(subject: FaultSubject): boolean {
    if (!this.#matches(subject)) return false;
    this.matches += 1;
    const { nth, every, times, probability, fault } = this.rule;
    if (nth !== undefined && this.matches !== nth) return false;
    if (every !== undefined && this.matches % every !== 0) return false;
    if (probability !== undefined && this.#random() >= probability) return false;
    if (times !== undefined && this.hits >= times) return false;
    if (fault.kind === 'notFoundOnce' && !this.#isNew(subject.target, fault.hits ?? 1))
      return false;
    this.hits += 1;
    return true;
  }

  #matches({ method, host, target }: FaultSubject): boolean {
    if (this.#methods?.includes(method) === false) return false;
    if (this.rule.host !== undefined && !isHost(host, this.rule.host.toLowerCase())) return false;
    return this.#path?.test(target) ?? true;
  }

  #isNew(target: string, hits: number): boolean {
    const before = this.#targets.get(target) ?? 0;
    if (before >= hits) return false;
    this.#targets.set(target, before + 1);
    if (this.#targets.size > rememberedTargetsMax)
      this.#targets.delete(this.#targets.keys().next().value!);
    return true;
  }
}

function isHost(host: string, pattern: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
}
