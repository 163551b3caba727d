// The audit log as the store keeps it: whatever is done to its rows behind the coordinator's back is found.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AuditHeadRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { AuditEntrySchema, type AuditEntry } from '../../gen/drover/v1/audit_pb.ts';
import { encodeEntry } from './audit-chain.ts';
import { checkStore } from './check-store.ts';
import { keys } from './keys.ts';
import { openLevelStore } from './level-store.ts';
import { openDatabase, type Database } from './open-database.ts';
import { rewindStore } from './rewind.ts';
import { numbersOf, type Below } from './testing/random.ts';
import { verifyAudit } from './verify-audit.ts';

const nowMs = Date.UTC(2026, 0, 1);

function entry(text: string): AuditEntry {
  const changes = [{ resource: `tasks/${text}`, before: '', after: '{"source":"/srv"}' }];
  return create(AuditEntrySchema, { caller: 'admin-token', method: 'test', resource: `tasks/${text}`, changes }); // oxfmt-ignore
}

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-audit-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, 'store');
}

/** A log of so many entries, whose store is closed. */
async function writeLog(folder: string, count: number): Promise<void> {
  await using store = await openLevelStore(folder);
  // All at once: most are made on top of what is not written yet.
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      store.commit((transaction) => transaction.appendAudit(entry(`e${index}`))),
    ),
  );
}

test('entries are numbered without gaps and chained, however many commits are written at once', async (t) => {
  const folder = temporaryFolder(t);
  await writeLog(folder, 50);
  await using store = await openLevelStore(folder);
  const entries = await store.auditEntries(0n, 100);
  t.deepEqual(entries.map(({ number }) => Number(number)), Array.from({ length: 50 }, (_, index) => index + 1)); // oxfmt-ignore
  t.is(entries[0]!.previousHash.toHex(), '00'.repeat(32));
  for (const [index, one] of entries.entries()) {
    const bare = create(AuditEntrySchema, { ...one, hash: new Uint8Array() });
    const hash = createHash('sha256').update(toBinary(AuditEntrySchema, bare)).digest();
    t.is(one.hash.toHex(), hash.toString('hex'));
    if (index > 0) t.is(one.previousHash.toHex(), entries[index - 1]!.hash.toHex());
  }
  t.is((await store.auditHead())!.hash.toHex(), entries.at(-1)!.hash.toHex());
  const verdict = await store.verifyAudit();
  t.deepEqual([verdict.entries, verdict.broken], [50n, undefined]);
  const newest = await store.auditEntriesBefore(50n, 2);
  t.deepEqual(newest.map(({ number }) => number), [49n, 48n]); // oxfmt-ignore
});

test('a commit that throws leaves no entry, and no gap', async (t) => {
  await using store = await openLevelStore(temporaryFolder(t));
  const one = store.commit((transaction) => transaction.appendAudit(entry('one')));
  const failed = store.commit(async (transaction) => {
    await transaction.appendAudit(entry('two'));
    throw new Error('changed its mind');
  });
  const three = store.commit((transaction) => transaction.appendAudit(entry('three')));
  await t.throwsAsync(failed, { message: 'changed its mind' });
  t.deepEqual([(await one).number, (await three).number], [1n, 2n]);
  t.is((await store.verifyAudit()).broken, undefined);
});

test('a log that was written anew is found by an entry that was noted', async (t) => {
  const folder = temporaryFolder(t);
  await writeLog(folder, 5);
  await using store = await openLevelStore(folder);
  const { entries, lastHash } = await store.verifyAudit();
  const known = { number: entries, hash: lastHash };
  t.is((await store.verifyAudit(known)).broken, undefined);
  const other = { number: 3n, hash: new Uint8Array(32).fill(7) };
  t.like((await store.verifyAudit(other)).broken, { number: 3n });
  t.regex((await store.verifyAudit(other)).broken!.message, /written anew/);
  const later = await store.verifyAudit({ number: 9n, hash: lastHash });
  t.like(later.broken, { number: 6n });
  t.regex(later.broken!.message, /number 9 was noted/);
});

test('a restored log goes on, and says that it was restored', async (t) => {
  const folder = temporaryFolder(t);
  await writeLog(folder, 3);
  await rewindStore(folder, nowMs);
  await using store = await openLevelStore(folder);
  const verdict = await store.verifyAudit();
  t.deepEqual([verdict.entries, verdict.broken], [4n, undefined]);
  const [last] = await store.auditEntriesBefore(5n, 1);
  t.is(last!.caller, 'coordinator');
  t.regex(last!.message, /after entry 3/);
});

test('a check of the store says which entry is not in order', async (t) => {
  const folder = temporaryFolder(t);
  await writeLog(folder, 4);
  t.deepEqual(await problemsOf(folder), []);
  await using database = await openDatabase(folder, { make: false });
  await database.del(keys.audit(2n));
  await database.close();
  t.deepEqual(await problemsOf(folder), ['entry 2 of the audit log: it is missing: in its place there is number 3']); // oxfmt-ignore
});

async function problemsOf(folder: string): Promise<string[]> {
  const problems: string[] = [];
  await checkStore(folder, ({ words }) => problems.push(words));
  return problems;
}

interface Tampering {
  words: string;
  /** The entry that has to be named. */
  broken: bigint;
}

const count = 12n;

/** Does something to the rows that nobody but the coordinator may do. */
async function tamper(database: Database, below: Below): Promise<Tampering> {
  const number = BigInt(1 + below(Number(count)));
  const key = keys.audit(number);
  const bytes = (await database.get(key))!;
  switch (below(7)) {
    case 0: {
      const changed = Uint8Array.from(bytes);
      const at = below(bytes.length);
      changed[at]! ^= 1 + below(255);
      await database.put(key, changed);
      return { words: `byte ${at} of ${number} is another`, broken: number };
    }
    case 1:
      await database.del(key);
      return { words: `${number} is removed`, broken: number };
    case 2: {
      const at = below(bytes.length + 1);
      const more = Uint8Array.of(...bytes.subarray(0, at), below(256), ...bytes.subarray(at));
      await database.put(key, more);
      return { words: `a byte is put in at ${at} of ${number}`, broken: number };
    }
    case 3:
      await database.put(key, bytes.subarray(0, below(bytes.length)));
      return { words: `${number} is cut off`, broken: number };
    case 4: {
      const next = keys.audit(count + 1n);
      await database.put(next, bytes);
      return { words: `${number} is put behind the end`, broken: count + 1n };
    }
    case 5: {
      // Who knows how it is made changes an entry with its hash: the one after does not follow it any more.
      const one = fromBinary(AuditEntrySchema, bytes);
      one.caller = 'agents/innocent';
      await database.put(key, encodeEntry(rehashed(one)));
      return { words: `${number} is written anew`, broken: number === count ? number : number + 1n }; // oxfmt-ignore
    }
    default: {
      await database.put(key, (await database.get(keys.audit((number % count) + 1n)))!);
      return { words: `${number} is replaced by the one after`, broken: number };
    }
  }
}

function rehashed(one: AuditEntry): AuditEntry {
  const bare = create(AuditEntrySchema, { ...one, hash: new Uint8Array() });
  bare.hash = new Uint8Array(createHash('sha256').update(encodeEntry(bare)).digest());
  return bare;
}

test('whatever is changed, taken out or put in is found, with the number of the entry', async (t) => {
  const folder = temporaryFolder(t);
  await writeLog(folder, Number(count));
  await using database = await openDatabase(folder, { make: false });
  const whole = await database.iterator({ gt: 'audit', lt: 'audit~' }).all();
  const seed = Number(process.hrtime.bigint() % 1_000_000n);
  const below = numbersOf(seed);
  for (let round = 0; round < 200; round += 1) {
    const { words, broken } = await tamper(database, below);
    const verdict = await verifyAudit(database);
    t.is(verdict.broken?.number, broken, `seed ${seed}, round ${round}: ${words}`);
    t.is(verdict.entries, broken - 1n, `seed ${seed}, round ${round}: ${words}`);
    await database.clear({ gt: 'audit', lt: 'audit~' });
    await database.batch(whole.map(([key, value]) => ({ type: 'put', key, value })));
  }
  t.is((await verifyAudit(database)).broken, undefined);
});

test('a log that was cut off at its end is found, and one that lost where it ends', async (t) => {
  const folder = temporaryFolder(t);
  await writeLog(folder, 3);
  await using database = await openDatabase(folder, { make: false });
  const head = (await database.get(keys.auditHead))!;
  await database.del(keys.audit(3n));
  t.like((await verifyAudit(database)).broken, { number: 3n });
  await database.del(keys.auditHead);
  t.like((await verifyAudit(database)).broken, { number: 1n });
  // With a head that fits, only who noted the third entry can tell.
  const [, second] = await database.iterator({ gt: 'audit!', lt: 'audit"' }).all();
  const { number, hash } = fromBinary(AuditEntrySchema, second![1]);
  await database.put(keys.auditHead, toBinary(AuditHeadRowSchema, create(AuditHeadRowSchema, { number, hash }))); // oxfmt-ignore
  t.is((await verifyAudit(database)).broken, undefined);
  const noted = { number: 3n, hash: fromBinary(AuditHeadRowSchema, head).hash };
  t.like((await verifyAudit(database, noted)).broken, { number: 3n });
});
