import { create } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { verify } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ItemRemarkSchema } from '../../gen/drover/v1/columns_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemState } from '../../gen/drover/v1/item_pb.ts';
import { DroverError } from '../../lib/error.ts';
import {
  readEvidenceKey,
  signedText,
  type EvidenceEnd,
  type EvidenceHeader,
  type EvidenceItem,
} from '../../lib/evidence.ts';
import { MerkleTree } from '../../lib/merkle-tree.ts';
import { batchFiles, openHarness, type Harness } from '../dispatch/testing/harness.ts';
import type { RunKey } from '../store/store.ts';
import { openEvidenceKey } from '../trust/evidence-key.ts';
import { exportEvidence } from './evidence.ts';

function keyFile(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-evidence-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, 'trust', 'evidence-key.pem');
}

async function partsOf(t: ExecutionContext, harness: Harness, key: RunKey) {
  const reader = harness.watched.store;
  const task = (await reader.task(key.task))!;
  return {
    reader,
    key,
    task,
    run: (await reader.run(key))!,
    evidenceKey: openEvidenceKey(keyFile(t)),
  };
}

type Parts = Awaited<ReturnType<typeof partsOf>>;

/** The lines of the file, and what they say; verified by the definition of the format. */
async function readEvidence(t: ExecutionContext, parts: Parts) {
  const text = Buffer.concat(await Array.fromAsync(exportEvidence(parts))).toString();
  t.true(text.endsWith('\n'));
  const lines = text.slice(0, -1).split('\n');
  const header = JSON.parse(lines[0]!) as EvidenceHeader;
  const end = JSON.parse(lines.at(-1)!) as EvidenceEnd;
  const itemLines = lines.slice(1, -1);
  const tree = new MerkleTree();
  for (const line of itemLines) tree.add(Buffer.from(line));
  t.is(end.items, itemLines.length);
  t.is(end.merkleRoot, tree.root().toString('hex'));
  const signed = signedText(Buffer.from(lines[0]!), end.items, tree.root());
  const signature = Buffer.from(end.signature, 'base64');
  t.true(verify(null, signed, readEvidenceKey(header.publicKey)!, signature));
  return { text, header, items: itemLines.map((line) => JSON.parse(line) as EvidenceItem) };
}

test('every item stands in it once, with its hashes, also of batches that were cut', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 8 });
  const entries = [
    ...batchFiles(3),
    { path: 'linked', remark: { reason: ErrorReason.SYMBOLIC_LINK, message: 'a link' } },
    ...Array.from({ length: 10 }, (_, index) => ({ path: `s${index}`, size: 3n })),
  ];
  const key = await harness.scanned('task', agent, entries);
  const leases = () => agent.news('batchLease');
  let isFirst = true;
  for (let given = leases(); given.length > 0; given = leases())
    for (const lease of given) {
      if (!isFirst) agent.sendResults(lease);
      else
        agent.sendResults(lease, (results) => {
          results.state[0] = ItemState.FAILED;
const reason = ErrorReason.SOURCE_READ_FAILED;
          results.remark = [create(ItemRemarkSchema, { index: 0, reason, message: 'no' })];
        }); // oxfmt-ignore
      isFirst = false;
      await harness.idle();
    }
  t.is(await harness.state(key), 'SUCCEEDED_WITH_FAILURES');
  const parts = await partsOf(t, harness, key);
  const { header, items, text } = await readEvidence(t, parts);
  t.is(header.run, 'tasks/task/runs/1');
  t.is(header.state, 'SUCCEEDED_WITH_FAILURES');
  t.deepEqual(items.map(({ number }) => number), entries.map((_, index) => index + 1)); // oxfmt-ignore
  t.deepEqual(items.map((item) => item.path).toSorted(), entries.map((entry) => entry.path).toSorted()); // oxfmt-ignore
  const of = (name: string) => items.find((item) => item.path === name)!;
  t.like(of('s3'), { state: 'SUCCEEDED', size: 3, sha256: '01'.repeat(32), agent: 'agents/one' });
  t.like(of('linked'), { state: 'SKIPPED', reason: 'SYMBOLIC_LINK' });
  t.is(of('linked').sha256, undefined);
  const failed = items.filter(({ state }) => state === 'FAILED');
  t.is(failed.length, 1);
  t.like(failed[0]!, { reason: 'SOURCE_READ_FAILED', sha256: undefined });
  t.is((await readEvidence(t, parts)).text, text, 'the same bytes each time');
});

test('what an earlier run wrote stands in it with what that run read', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one', { slots: 8 });
  const entries = [{ path: 'file', size: 5n, modifiedNs: 7n }];
  await harness.scanned('task', agent, entries);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  const second = await harness.scanned('task', agent, entries);
  t.is(await harness.state(second), 'SUCCEEDED');
  const { items } = await readEvidence(t, await partsOf(t, harness, second));
  t.is(items.length, 1);
  t.like(items[0]!, {
    state: 'SKIPPED',
    reason: 'UNCHANGED',
    sha256: '01'.repeat(32),
    agent: 'agents/one',
    migratedBy: 'tasks/task/runs/1',
  });
  const third = await harness.scanned('task', agent, [{ path: 'file', size: 6n, modifiedNs: 8n }]);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  t.is(await harness.state(third), 'SUCCEEDED');
  const late = await readEvidence(t, await partsOf(t, harness, second));
  t.is(late.items[0]!.sha256, undefined, 'what a later run wrote is not evidence of this one');
});

test('a run without items has evidence too', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const key = await harness.scanned('task', agent, []);
  t.deepEqual((await readEvidence(t, await partsOf(t, harness, key))).items, []);
});

test('records that are not complete are not signed', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const key = await harness.scanned('task', agent, [{ path: 'file', size: 5n }]);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  const parts = await partsOf(t, harness, key);
  await parts.reader.commit((transaction) => transaction.deleteTask(key.task));
  await parts.reader.sweep(0);
  const chunks: Uint8Array[] = [];
  const error = await t.throwsAsync(async () => {
    for await (const chunk of exportEvidence(parts)) chunks.push(chunk);
  }, { instanceOf: DroverError }); // oxfmt-ignore
  t.is(error.reason, ErrorReason.NOT_FOUND);
  t.false(Buffer.concat(chunks).toString().includes('signature'));
});

test('a store that has lost items of a batch is said to be damaged, and nothing is signed', async (t) => {
  const harness = await openHarness(t);
  const agent = await harness.attach('one');
  const key = await harness.scanned('task', agent, [{ path: 'file', size: 5n }]);
  agent.sendResults(agent.take('batchLease'));
  await harness.idle();
  const parts = await partsOf(t, harness, key);
  const none = new Uint8Array();
  await parts.reader.commit((transaction) => transaction.putBatchItems({ ...key, batch: 1 }, none));
  await t.throwsAsync(Array.fromAsync(exportEvidence(parts)), {
    instanceOf: DroverError,
    message: /has not all items of batch 1 of tasks\/task\/runs\/1/,
  });
});

test('the key is made once, for its owner only, and a damaged one is refused', (t) => {
  const file = keyFile(t);
  const made = openEvidenceKey(file);
  t.is(openEvidenceKey(file).fingerprint, made.fingerprint);
  t.is(statSync(file).mode & 0o777, 0o600);
  writeFileSync(file, 'no key');
  t.throws(() => openEvidenceKey(file), { message: /holds no Ed25519 key/ });
});
