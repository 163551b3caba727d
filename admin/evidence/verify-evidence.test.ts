import test, { type ExecutionContext } from 'ava';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { keyFingerprint, signedText, type EvidenceItem } from '../../lib/evidence.ts';
import { MerkleTree } from '../../lib/merkle-tree.ts';
import { compareSource } from './compare-source.ts';
import { EvidenceProblem, readItems, verifyEvidence } from './verify-evidence.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-evidence-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const item = (number: number, name: string, content = name): EvidenceItem => ({
  number,
  path: name,
  destinationPath: name,
  kind: 'FILE',
  action: 'CREATE',
  state: 'SUCCEEDED',
  size: Buffer.byteLength(content),
  sha256: sha256(content),
});

/** The lines of evidence, written by the definition of the format and not by the coordinator. */
function linesOf(items: readonly object[], more: { key?: KeyObject; header?: object } = {}) {
  const { key = privateKey, header = {} } = more;
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const head = JSON.stringify({
    format: 'drover-evidence',
    version: 1,
    task: 'tasks/one',
    run: 'tasks/one/runs/1',
    source: '/from',
    destination: '/to',
    state: 'SUCCEEDED',
    startTime: '2026-01-01T00:00:00Z',
    endTime: '2026-01-01T00:00:01Z',
    publicKey: der.toString('base64'),
    ...header,
  });
  const lines = items.map((value) => JSON.stringify(value));
  const tree = new MerkleTree();
  for (const line of lines) tree.add(Buffer.from(line));
  const root = tree.root();
  const signature = sign(null, signedText(Buffer.from(head), lines.length, root), key);
  const end = JSON.stringify({
    items: lines.length,
    merkleRoot: root.toString('hex'),
    signature: signature.toString('base64'),
  });
  return [head, ...lines, end];
}

const three = [item(1, 'a'), item(2, 'b/ü'), item(3, 'c')];

function write(t: ExecutionContext, text: string | Buffer): string {
  const file = path.join(folderOf(t), 'evidence.jsonl');
  writeFileSync(file, text);
  return file;
}

const textOf = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');

test('what was signed is verified, with the key of the file or the one that is given', async (t) => {
  const file = write(t, textOf(linesOf(three)));
  const fingerprint = keyFingerprint(publicKey);
  for (const expected of [{}, { publicKey }, { fingerprint }]) {
    const verified = await verifyEvidence(file, expected);
    t.is(verified.items, 3);
    t.is(verified.fingerprint, fingerprint);
    t.is(verified.header.run, 'tasks/one/runs/1');
  }
  const names = [];
  for await (const { path } of readItems(file)) names.push(path);
  t.deepEqual(names, ['a', 'b/ü', 'c']);
  t.is((await verifyEvidence(write(t, textOf(linesOf([]))), {})).items, 0);
});

const [head, first, second, third, end] = linesOf(three) as [
  string,
  string,
  string,
  string,
  string,
];

for (const [what, text, message] of [
  [
    'an item was changed',
    textOf([head, first, second.replace('"b/ü"', '"b/u"'), third, end]),
    /at least one was changed/,
  ],
  [
    'an item was taken out',
    textOf([head, first, third, end]),
    /line 3 has the item number 3 where 2 is due/,
  ],
  [
    'the last item was taken out',
    textOf([head, first, second, end]),
    /has 2 items, and 3 were signed/,
  ],
  [
    'an item was added',
    textOf([head, first, second, third, JSON.stringify(item(4, 'd')), end]),
    /has 4 items, and 3 were signed/,
  ],
  [
    'an item stands twice',
    textOf([head, first, first, second, third, end]),
    /line 3 has the item number 1 where 2 is due/,
  ],
  [
    'items changed places',
    textOf([head, second, first, third, end]),
    /line 2 has the item number 2 where 1 is due/,
  ],
  [
    'the header was changed',
    textOf([head.replace('tasks/one', 'tasks/two'), first, second, third, end]),
    /the header, the root or the signature was changed/,
  ],
  ['the end was cut off', textOf([head, first, second, third]), /its end was cut off/],
  [
    'a line was cut off',
    textOf([head, first, second, third, end]).slice(0, -2),
    /line 5 is not whole/,
  ],
  [
    'something was added after the end',
    textOf([head, first, second, third, end, '{}']),
    /line 5 is not that of an item/,
  ],
  [
    'the signature was changed',
    textOf([
      head,
      first,
      second,
      third,
      end.replace(/(?<="signature":")./, (one) => (one === 'A' ? 'B' : 'A')),
    ]),
    /signature/,
  ],
  [
    'a line feed was made two bytes',
    textOf([head, first, second, third, end]).replaceAll('\n', '\r\n'),
    /at least one was changed/,
  ],
  ['another key signed', textOf(linesOf(three, { key: other.privateKey })), /another key signed/],
  ['the key is none', textOf(linesOf(three, { header: { publicKey: 'AAAA' } })), /no key/],
  [
    'the header lacks what it has to say',
    textOf(linesOf(three, { header: { endTime: undefined } })),
    /the header says no endTime/,
  ],
  ['the version is a newer one', textOf(linesOf(three, { header: { version: 2 } })), /version 2/],
  ['it is something else', 'path,size\na,1\n', /not the header/],
  ['it is empty', '', /empty/],
  ['it has a line without end', `${head}\n${'x'.repeat(3_000_000)}`, /line 2 is too long/],
  ['it is only a header', `${head}\n`, /its end was cut off/],
] as const)
  // oxfmt-ignore
  test(`it is found that ${what}`, async (t) => {
    const problem = await t.throwsAsync(verifyEvidence(write(t, text), {}), { instanceOf: EvidenceProblem }); // oxfmt-ignore
    t.regex(problem.message, message);
  });

test('a file that somebody else signed is not that of the key that is expected', async (t) => {
  const file = write(t, textOf(linesOf(three)));
  for (const expected of [{ publicKey: other.publicKey }, { fingerprint: keyFingerprint(other.publicKey) }]) // oxfmt-ignore
    await t.throwsAsync(verifyEvidence(file, expected), { instanceOf: EvidenceProblem, message: /another key signed/ }); // oxfmt-ignore
});

test('a file that is not there is refused', async (t) => {
  const file = path.join(folderOf(t), 'missing');
  await t.throwsAsync(verifyEvidence(file, {}), { message: /missing cannot be read/ });
});

test('the source is read again, and each file that differs is told', async (t) => {
  const source = folderOf(t);
  writeFileSync(path.join(source, 'same'), 'same');
  writeFileSync(path.join(source, 'longer'), 'longer than before');
  writeFileSync(path.join(source, 'other'), 'rehto');
  mkdirSync(path.join(source, 'folder'));
  symlinkSync('same', path.join(source, 'link'));
  const outside = path.join(folderOf(t), 'outside');
  writeFileSync(outside, 'outside');
  const items = [
    item(1, 'same'),
    item(2, 'longer'),
    item(3, 'other'),
    item(4, 'folder'),
    item(5, 'link', 'same'),
    item(6, 'gone'),
    item(7, path.relative(source, outside), 'outside'),
    { ...item(8, 'skipped'), sha256: undefined },
  ];
  const differences: string[] = [];
  const comparison = await compareSource(
    (async function* () {
      yield* items as EvidenceItem[];
    })(),
    source,
    async ({ path, message }) => void differences.push(`${path}: ${message}`),
  );
  t.deepEqual(comparison, { same: 1, different: 6 });
  t.deepEqual(differences.slice(0, 5), [
    'longer: it has 18 bytes now, and had 6',
    'other: its content is another one now',
    'folder: it is not a file any more',
    'link: a link has its place now',
    'gone: it is not there any more',
  ]);
  t.regex(differences[5]!, /leads out of the source/);
});
