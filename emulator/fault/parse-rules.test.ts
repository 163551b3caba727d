// What is refused, and how it is said.
import test from 'ava';
import { parseRules } from './parse-rules.ts';

const fault = { kind: 'locked' };

const refused: [rules: unknown, message: RegExp][] = [
  [{}, /^faults: must be a JSON array of rules$/],
  [[fault, 'x'], /^faults: rule 1: kind is not a field; there are name, method, /],
  [['x'], /^faults: rule 1: must be an object$/],
  [
    [{ fault }, { name: 'slow', fault: {} }],
    /^faults: rule 2 \("slow"\): fault\.kind must be one of status, throttle/,
  ],
  [[{}], /fault must be an object with a kind/],
  [[{ fault: { kind: 'constructor' } }], /fault\.kind must be one of/],
  [[{ fault, when: 1 }], /rule 1: when is not a field/],
  [[{ fault, toString: 1 }], /rule 1: toString is not a field/],
  [[{ fault, nth: 0 }], /rule 1: nth must be a whole number, at least 1/],
  [[{ fault, nth: 1, every: 2 }], /every does not go together with nth/],
  [[{ fault, path: '(' }], /path must be a regular expression: /],
  [[{ fault, method: 'PUT GET' }], /method must be a method such as PUT/],
  [[{ fault, host: 'https://a' }], /host must be a host name/],
  [[{ fault, probability: 0 }], /probability must be a number above 0/],
  [[{ fault, probability: 1.5 }], /probability must be/],
  [
    [
      { name: 'a', fault },
      { name: 'a', fault },
    ],
    /rule 2 \("a"\): name must differ/,
  ],
  [[{ fault: { kind: 'status' } }], /fault\.status is missing/],
  [
    [{ fault: { kind: 'status', status: 99 } }],
    /fault\.status must be a whole number from 200 to 599/,
  ],
  [[{ fault: { kind: 'status', status: 500, headers: { 'a b': 'c' } } }], /fault\.headers must be/],
  [
    [{ fault: { kind: 'status', status: 500, headers: { a: 'b\r\nc' } } }],
    /fault\.headers must be/,
  ],
  [[{ fault: { kind: 'throttle', status: 500 } }], /fault\.status must be one of 429, 503/],
  [
    [{ fault: { kind: 'throttle', retryAfter: -1 } }],
    /fault\.retryAfter must be a number of seconds/,
  ],
  [
    [{ fault: { kind: 'throttle', retryAfterAs: 'date' } }],
    /fault\.retryAfterAs must be one of seconds, http-date/,
  ],
  [[{ fault: { kind: 'slowDrip' } }], /fault\.bytesPerSecond is missing/],
  [
    [{ fault: { kind: 'slowDrip', bytesPerSecond: 1, on: 'both' } }],
    /fault\.on must be one of reply, request/,
  ],
  [[{ fault: { kind: 'lateListing' } }], /fault\.ms is missing/],
  [
    [{ fault: { kind: 'locked', status: 423 } }],
    /fault\.status is not a field; there are none here/,
  ],
  [Array.from({ length: 1001 }, () => ({ fault })), /must not hold more than 1000 rules/],
];

for (const [rules, message] of refused)
  test(`refused: ${JSON.stringify(rules).slice(0, 90)}`, (t) => {
    t.throws(() => parseRules(rules, 'faults'), { message });
  });

test('what is right comes back as it is', (t) => {
  const rules = [
    {
      name: 'a',
      method: 'PUT,POST',
      path: 'upload',
      host: '*.sharepoint.com',
      every: 2,
      times: 3,
      probability: 0.5,
      seed: 0,
      fault: { kind: 'throttle', status: 503, retryAfter: 0.5, retryAfterAs: 'seconds' },
    },
    { fault: { kind: 'status', status: 500, body: null, headers: { a: 'b' } } },
    { fault: { kind: 'reset', afterBytes: 0 } },
    { fault: { kind: 'reset' } },
  ];
  t.deepEqual(parseRules(structuredClone(rules), 'faults'), rules as never);
});
