// Checks rules that a person wrote. All are checked before any is taken, and what is wrong is named by rule and field.
import { DroverError } from '../../lib/error.ts';
import type { FaultKind, FaultRule } from './rule.ts';

/** More rules would make every request slow. */
const rulesMax = 1000;

type Fields = Record<string, unknown>;

/** What would be right; undefined when the value is. */
type Check = (value: unknown) => string | undefined;

const conditionChecks: Record<Exclude<keyof FaultRule, 'fault'>, Check> = {
  name: text,
  method: matching(
    /^[A-Za-z]+(\s*,\s*[A-Za-z]+)*$/,
    'a method such as PUT, or several with commas',
  ),
  path: regularExpression,
  host: matching(
    /^(\*\.)?[A-Za-z0-9.:-]+$/,
    'a host name without port, or such as *.sharepoint.com',
  ),
  nth: wholeNumber(1),
  every: wholeNumber(1),
  times: wholeNumber(1),
  probability: (value) =>
    typeof value === 'number' && value > 0 && value <= 1
      ? undefined
      : 'a number above 0 and up to 1',
  seed: wholeNumber(0),
};

const faultChecks: Record<FaultKind, Record<string, Check>> = {
  status: {
    status: wholeNumber(200, 599),
    code: text,
    innerCode: text,
    message: text,
    body: () => undefined,
    headers: headerValues,
  },
  throttle: {
    status: oneOf(429, 503),
    retryAfter: seconds,
    retryAfterAs: oneOf('seconds', 'http-date'),
  },
  unavailable: { retryAfter: seconds },
  gatewayTimeoutAfterStore: {},
  reset: { afterBytes: wholeNumber(0) },
  slowDrip: {
    bytesPerSecond: wholeNumber(1),
    afterBytes: wholeNumber(0),
    on: oneOf('reply', 'request'),
  },
  stall: {},
  notFoundOnce: { hits: wholeNumber(1) },
  sessionLost: {},
  locked: {},
  etagMismatch: {},
  quotaExceeded: {},
  expiredToken: {},
  rewriteOffice: {},
  lateListing: { ms: wholeNumber(1) },
  missingHash: {},
};

const requiredFields: Partial<Record<FaultKind, readonly string[]>> = {
  status: ['status'],
  slowDrip: ['bytesPerSecond'],
  lateListing: ['ms'],
};

/** Rules from JSON. Throws INVALID_ARGUMENT; `field` says where they came from. */
export function parseRules(value: unknown, field: string): FaultRule[] {
  if (!Array.isArray(value)) throw DroverError.invalid(field, 'must be a JSON array of rules');
  if (value.length > rulesMax)
    throw DroverError.invalid(field, `must not hold more than ${rulesMax} rules`);
  const rules = value.map((rule, index) => parseRule(rule, new Problem(field, index, rule)));
  const names = new Set<string>();
  rules.forEach((rule, index) => {
    if (rule.name === undefined) return;
    if (names.has(rule.name))
      throw new Problem(field, index, rule).with(
        'name',
        'must differ from that of every other rule',
      );
    names.add(rule.name);
  });
  return rules;
}

function parseRule(value: unknown, problem: Problem): FaultRule {
  if (!isFields(value)) throw problem.with(undefined, 'must be an object');
  const { fault, ...conditions } = value;
  checkFields(conditions, conditionChecks, '', problem);
  if ('nth' in conditions && 'every' in conditions)
    throw problem.with('every', 'does not go together with nth');
  if (!isFields(fault)) throw problem.with('fault', 'must be an object with a kind');
  const { kind, ...details } = fault;
  if (typeof kind !== 'string' || !Object.hasOwn(faultChecks, kind))
    throw problem.with('fault.kind', `must be one of ${Object.keys(faultChecks).join(', ')}`);
  checkFields(details, faultChecks[kind as FaultKind], 'fault.', problem);
  for (const name of requiredFields[kind as FaultKind] ?? [])
    if (!(name in details)) throw problem.with(`fault.${name}`, 'is missing');
  return value as unknown as FaultRule;
}

function checkFields(
  fields: Fields,
  checks: Record<string, Check>,
  prefix: string,
  problem: Problem,
): void {
  for (const [name, value] of Object.entries(fields)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) {
      const known = Object.keys(checks);
      const hint = known.length > 0 ? `there are ${known.join(', ')}` : 'there are none here';
      throw problem.with(`${prefix}${name}`, `is not a field; ${hint}`);
    }
    const right = check(value);
    if (right !== undefined) throw problem.with(`${prefix}${name}`, `must be ${right}`);
  }
}

/** Words an error about one rule. */
class Problem {
  readonly #where: string;

  constructor(field: string, index: number, rule: unknown) {
    const name = isFields(rule) && typeof rule['name'] === 'string' ? ` ("${rule['name']}")` : '';
    this.#where = `${field}: rule ${index + 1}${name}`;
  }

  with(field: string | undefined, description: string): DroverError {
    return DroverError.invalid(
      this.#where,
      field === undefined ? description : `${field} ${description}`,
    );
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? undefined : 'text that is not empty';
}

function matching(pattern: RegExp, right: string): Check {
  return (value) => (typeof value === 'string' && pattern.test(value) ? undefined : right);
}

function regularExpression(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'a regular expression as text';
  try {
    new RegExp(value);
    return undefined;
  } catch (error) {
    return `a regular expression: ${(error as Error).message}`;
  }
}

function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): Check {
  const right =
    most === Number.MAX_SAFE_INTEGER
      ? `a whole number, at least ${least}`
      : `a whole number from ${least} to ${most}`;
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : right;
}

function seconds(value: unknown): string | undefined {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value)
    ? undefined
    : 'a number of seconds';
}

function oneOf(...values: (string | number)[]): Check {
  return (value) => (values.includes(value as string) ? undefined : `one of ${values.join(', ')}`);
}

function headerValues(value: unknown): string | undefined {
  const right = 'an object of header names and their text';
  if (!isFields(value)) return right;
  const sound = Object.entries(value).every(
    ([name, header]) =>
      /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) &&
      typeof header === 'string' &&
      /^[\t\x20-\x7e\x80-\xff]*$/.test(header),
  );
  return sound ? undefined : right;
}
