import test, { type ExecutionContext } from 'ava';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { keyFingerprint, signedText } from '../../lib/evidence.ts';
import { MerkleTree } from '../../lib/merkle-tree.ts';
import { exitStatus } from './exit-status.ts';
import { runWords } from './test-command-line.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const fingerprint = keyFingerprint(publicKey);

/** A folder with evidence of one file, `file`, its key, and a source that has it. */
function makePlace(t: ExecutionContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-evidence-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const sha256 = createHash('sha256').update('content').digest('hex');
  const item = JSON.stringify({ number: 1, path: 'file', kind: 'FILE', size: 7, sha256 });
  const der = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const facts = { run: 'tasks/one/runs/1', source: '/from\u001b[2J', destination: '/to', state: 'SUCCEEDED', startTime: '', endTime: '' }; // oxfmt-ignore
  const head = JSON.stringify({ format: 'drover-evidence', version: 1, publicKey: der, ...facts });
  const tree = new MerkleTree();
  tree.add(Buffer.from(item));
  const signature = sign(null, signedText(Buffer.from(head), 1, tree.root()), privateKey);
  const end = JSON.stringify({
    items: 1,
    merkleRoot: tree.root().toString('hex'),
    signature: signature.toString('base64'),
  });
  const evidence = path.join(folder, 'evidence');
  writeFileSync(evidence, `${head}\n${item}\n${end}\n`);
  const key = path.join(folder, 'key.pem');
  writeFileSync(key, publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(path.join(folder, 'file'), 'content');
  const verify = (...words: string[]) => runWords(['runs', 'verify-evidence', evidence, ...words]);
  return { folder, evidence, key, verify };
}

test('what is verified is told, without what could change the terminal', async (t) => {
  const { verify, folder, key } = makePlace(t);
  const { status, stdout } = await verify('--public-key', key, '--against-source', folder);
  t.is(status, exitStatus.ok);
  t.regex(stdout, /^This is the evidence of tasks\/one\/runs\/1 as it was signed: 1 items\.$/m);
  t.regex(stdout, new RegExp(`signed by +${fingerprint}$`, 'm'));
  t.regex(stdout, /1 files are the same, 0 differ\.$/m);
  t.false(stdout.includes('\u001b'));
  t.false(stdout.includes('compare it with'));
});

test('a key that only the file names is to be compared', async (t) =>
  t.regex((await makePlace(t).verify()).stdout, /compare it with that of drover runs get-evidence-key/)); // oxfmt-ignore

test('a fingerprint may be written with colons and capitals', async (t) => {
  const text = fingerprint.toUpperCase().replaceAll(/(..)(?!$)/g, '$1:');
  t.is((await makePlace(t).verify('--fingerprint', text)).status, exitStatus.ok);
});

test('as JSON, each fact is a line', async (t) => {
  const { verify, folder } = makePlace(t);
  writeFileSync(path.join(folder, 'file'), 'tnetnoc');
  const answer = await verify('--against-source', folder, '--output', 'json');
  t.is(answer.status, exitStatus.someFailed);
  const lines = answer.stdout.trim().split('\n').map((line) => JSON.parse(line) as object); // oxfmt-ignore
  t.like(lines[0], { verified: true, items: 1, fingerprint });
  t.deepEqual(lines.slice(1), [
    { difference: { path: 'file', message: 'its content is another one now' } },
    { comparison: { same: 0, different: 1 } },
  ]);
});

test('as JSON, what was changed is told in one line', async (t) => {
  const { verify, evidence } = makePlace(t);
  writeFileSync(evidence, 'something else\n');
  const { status, stdout } = await verify('--output', 'json');
  t.is(status, exitStatus.someFailed);
  t.deepEqual(JSON.parse(stdout), {
    verified: false,
    problem: 'the first line is not the header of evidence of a run',
  });
});

for (const [what, words, says] of [
  ['a short fingerprint', ['--fingerprint', 'abc'], /--fingerprint: must be 64 hexadecimal digits/],
  ['a key that is not there', ['--public-key', '/nowhere/key'], /--public-key: cannot be read/],
  [
    'a source that is not there',
    ['--against-source', '/nowhere'],
    /--against-source: \/nowhere cannot be read/,
  ],
  ['a format that is none', ['--output', 'xml'], /--output: is "xml"/],
] as const)
  // oxfmt-ignore
  test(`${what} is refused`, async (t) => {
    const { status, stderr } = await makePlace(t).verify(...words);
    t.is(status, exitStatus.usage);
    t.regex(stderr, says);
  });

test('a key file without a key, and a source that is a file, are refused', async (t) => {
  const { verify, evidence } = makePlace(t);
  const key = await verify('--public-key', evidence);
  t.is(key.status, exitStatus.usage);
  t.regex(key.stderr, /holds no Ed25519 public key/);
  const source = await verify('--against-source', evidence);
  t.is(source.status, exitStatus.usage);
  t.regex(source.stderr, /is not a folder/);
});
