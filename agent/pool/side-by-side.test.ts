// Two batches in one thread: the second begins when the first only waits for answers, and nothing else ever shares a thread. With real
// threads, and a service that answers when the test wants it to.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import test from 'ava';
import { ItemKind } from '../../gen/drover/v1/item_pb.ts';
import { createGateMemory } from '../destination/sharepoint/tenant-gate.ts';
import type { HostQuestion } from './host.ts';
import { createSharedJobState, grantPages, threadOf, untilEnding, type JobTenant } from './jobs.ts';
import { noFilters } from './filter-settings.ts';
import { createPool } from './piscina-pool.ts';
import { elsewhere, makePlace, runBatch } from './testing/batch-place.ts';

/** Answers where the drive is, and holds every upload until it is told to refuse them. */
class HoldingService implements AsyncDisposable {
  readonly server = createServer((request, response) => this.#take(request, response));
  readonly #held: { url: string; response: ServerResponse }[] = [];
  #watcher: (() => void) | undefined;

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves when so many uploads wait. */
  async held(count: number): Promise<string[]> {
    while (this.#held.length < count) await new Promise<void>((resolve) => (this.#watcher = resolve)); // oxfmt-ignore
    return this.#held.map(({ url }) => url.split('/').findLast((part) => part.endsWith(':'))!);
  }

  refuse(): void {
    for (const { response } of this.#held.splice(0)) response.writeHead(403).end('{}');
  }

  #take({ url = '' }: IncomingMessage, response: ServerResponse): void {
    if (url.includes('/users/')) {
      const drive = { id: 'd', name: 'Documents', webUrl: 'https://contoso-my.sharepoint.com/d' };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(drive));
      return;
    }
    this.#held.push({ url, response });
    this.#watcher?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

test('a batch begins beside one that has begun its last item, and a scan beside none', async (t) => {
  await using service = new HoldingService();
  const graphUrl = await service.start();
  using place = makePlace();
  await using pool = createPool({ threads: 1 });
  for (const name of ['a', 'b', 'c']) place.write(name, name);
  const openTenant = (): JobTenant => {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (question: HostQuestion) => {
      if (question.kind !== 'log')
        port1.postMessage({ id: question.id, ok: true, token: 't', expiresOnMs: Infinity });
    });
    const route = { proxyUrl: undefined, caFile: undefined, noProxy: undefined };
    return { access: { graphUrl, route, gate: createGateMemory(8), lanes: 2 }, host: port2 };
  };
  const destination = 'ann@contoso.com';
  const begin = (path: string) => {
    const shared = createSharedJobState(0);
    const items = { path: [path], kind: [ItemKind.FILE], size: [1n], modifiedNs: [0n], createdNs: [0n] }; // oxfmt-ignore
    const end = runBatch(pool, { source: place.source, destination }, items, { tenant: openTenant(), shared }); // oxfmt-ignore
    return { shared, end };
  };
  const first = begin('a');
  await untilEnding(first.shared);
  const second = begin('b');
  t.deepEqual((await service.held(2)).toSorted(), ['a:', 'b:']);
  t.is(threadOf(first.shared), threadOf(second.shared));

  const third = begin('c');
  const { port1, port2 } = new MessageChannel();
  port1.on('message', () => undefined);
  const shared = createSharedJobState(1);
  grantPages(shared, 10);
  const scan = pool.run({
    kind: 'scan',
    source: place.source,
    destination: `${place.scratch}/elsewhere`,
    ...elsewhere,
    filters: noFilters,
    afterPath: '',
    only: undefined,
    port: port2,
    shared,
  });
  t.is(threadOf(third.shared), 0, 'no more than two');
  t.is(threadOf(shared), 0);
  service.refuse();
  await Promise.all([first.end, second.end]);
  await service.held(1);
  t.is(threadOf(shared), 0, 'the third is alone, and the scan waits for it');
  service.refuse();
  await third.end;
  t.deepEqual(await scan, { kind: 'scan-done' });
  port1.close();
});
