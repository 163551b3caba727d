// Which path has a file id: the index follows the ledger.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { LedgerRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { openLevelStore } from './level-store.ts';
import type { Store } from './store.ts';

async function openStore(t: ExecutionContext): Promise<Store> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drover-store-'));
  const store = await openLevelStore(path.join(folder, 'store'));
  t.teardown(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return store;
}

const row = (more: MessageInitShape<typeof LedgerRowSchema>) => create(LedgerRowSchema, more);
const pathOf = async (store: Store, id: bigint) => (await store.fileIds('t', [id]))[0]?.path;

test('a file id is found at the path that was written last', async (t) => {
  const store = await openStore(t);
  await store.commit((transaction) => transaction.putLedger('t', 'a', row({ fileId: 7n })));
  t.is(await pathOf(store, 7n), 'a');
  await store.commit((transaction) => transaction.putLedger('t', 'b', row({ fileId: 7n })));
  t.is(await pathOf(store, 7n), 'b');
  await store.commit((transaction) => transaction.deleteLedger('t', 'a'));
  t.is(await pathOf(store, 7n), 'b');
  await store.commit((transaction) => transaction.deleteLedger('t', 'b'));
  t.is(await pathOf(store, 7n), undefined);
});

test('what is kept of a file that is gone does not take the id back from its new path', async (t) => {
  const store = await openStore(t);
  await store.commit((transaction) => {
    transaction.putLedger('t', 'old', row({ fileId: 7n }));
    transaction.putLedger('t', 'new', row({ fileId: 7n, size: 1n }));
    transaction.putLedger('t', 'old', row({ fileId: 7n, goneRun: 2 }));
  });
  t.is(await pathOf(store, 7n), 'new');
});
