// Listings page by page, and delta: what changed since then.
import test from 'ava';
import { startGraph, type GraphServer } from './testing/graph-server.ts';

const drive = '/v1.0/sites/root:/sites/migration:/drive';

async function fill(server: GraphServer, names: string[]) {
  for (const name of names)
    await server.call('PUT', `${drive}/root:/${name}:/content`, { body: name });
}

interface Named {
  id: string;
  name: string;
  deleted?: object;
}

/** Follows the links from page to page. */
async function pages(
  server: GraphServer,
  first: string,
): Promise<{ items: Named[]; count: number; deltaLink: string }> {
  // oxfmt-ignore
  const items: Named[] = [];
  let count = 0;
  let deltaLink = '';
  for (let next: string | undefined = first; next !== undefined; count++) {
    const { json } = await server.call('GET', next);
    items.push(...json.value);
    next = json['@odata.nextLink'];
    deltaLink = json['@odata.deltaLink'] ?? deltaLink;
  }
  return { items, count, deltaLink };
}

const names = (items: Named[]) => items.map(({ name }) => name);

test('every page follows the last, in the order that was asked for', async (t) => {
  const server = await startGraph(t);
  await fill(server, ['b', 'A', 'd', 'C', 'longest']);
  const all = await pages(server, `${drive}/root/children?$top=2&$select=id,name`);
  t.deepEqual(names(all.items), ['A', 'b', 'C', 'd', 'longest']);
  t.is(all.count, 3);
  const down = await pages(server, `${drive}/root/children?$top=2&$orderby=name%20desc`);
  t.deepEqual(names(down.items), ['longest', 'd', 'C', 'b', 'A']);
  const bySize = await pages(server, `${drive}/root/children?$top=4&$orderby=size desc`);
  t.is(bySize.items[0]?.name, 'longest');
  const counted = await server.call('GET', `${drive}/root/children?$count=true`);
  t.is(counted.json['@odata.count'], 5);
  t.is((await server.call('GET', `${drive}/root/children?$orderby=nonsense`)).status, 400);
});

test('what comes and goes between pages repeats nothing and loses nothing', async (t) => {
  const server = await startGraph(t);
  await fill(server, ['a', 'c', 'e', 'g']);
  const first = (await server.call('GET', `${drive}/root/children?$top=2`)).json;
  await fill(server, ['b']);
  await server.call('DELETE', `${drive}/root:/a`);
  const second = (await server.call('GET', first['@odata.nextLink'])).json;
  t.deepEqual(names(second.value), ['e', 'g']);
});

test('young files can be left out', async (t) => {
  const server = await startGraph(t);
  await fill(server, ['old']);
  server.nowMs += 10_000;
  await fill(server, ['young']);
  server.effects = { hideYoungerThanMs: 5000 };
  t.deepEqual(names((await pages(server, `${drive}/root/children`)).items), ['old']);
  server.nowMs += 5000;
  t.is((await pages(server, `${drive}/root/children`)).items.length, 2);
});

test('delta tells everything once, then only what changed', async (t) => {
  const server = await startGraph(t);
  await fill(server, ['a/x', 'a/y', 'z']);
  await server.call('DELETE', `${drive}/root:/z`);
  const first = await pages(server, `${drive}/root/delta?$top=2`);
  t.deepEqual(names(first.items).sort(), ['a', 'root', 'x', 'y']);
  t.regex(first.deltaLink, /\/root\/delta\?.*token=/);
  t.deepEqual((await pages(server, first.deltaLink)).items, []);
  await server.call('PATCH', `${drive}/root:/a/x`, { body: { name: 'x2' } });
  await fill(server, ['a/y', 'a/y']);
  const { id } = (await server.call('GET', `${drive}/root:/a/x2`)).json;
  await server.call('DELETE', `${drive}/items/${id}`);
  await server.restart();
  const then = await pages(server, first.deltaLink);
  t.deepEqual(then.items.map(({ id: itemId, deleted }) => [itemId === id, deleted]), [[false, undefined], [true, { state: 'deleted' }]]); // oxfmt-ignore
  t.deepEqual((await pages(server, then.deltaLink)).items, []);
});

test('delta begins now or at a time, in either way of writing it', async (t) => {
  const server = await startGraph(t);
  await fill(server, ['a']);
  const latest = await pages(server, `${drive}/root/delta?token=latest`);
  t.deepEqual(latest.items, []);
  server.nowMs += 10_000;
  await fill(server, ['b']);
  t.deepEqual(names((await pages(server, latest.deltaLink)).items), ['b']);
  t.deepEqual(names((await pages(server, `${drive}/root/delta?token=2026-01-01T00:00:05Z`)).items), ['b']); // oxfmt-ignore
  const token = new URL(latest.deltaLink).searchParams.get('token');
  t.deepEqual(names((await pages(server, `${drive}/root/delta(token='${token}')`)).items), ['b']);
  t.is((await server.call('GET', `${drive}/root/delta?token=nonsense`)).status, 400);
});

test('a token that is too old says where to begin again', async (t) => {
  const server = await startGraph(t);
  await fill(server, ['a']);
  const { deltaLink } = await pages(server, `${drive}/root/delta`);
  server.nowMs += 31 * 24 * 3_600_000;
  const gone = await server.call('GET', deltaLink);
  t.is(gone.status, 410);
  t.is(gone.json.error.code, 'resyncRequired');
  t.is(gone.json.error.innerError.code, 'resyncChangesApplyDifferences');
  t.is((await pages(server, gone.headers.get('location')!)).items.length, 2);
});

test('delta of a folder is not offered', async (t) => {
  const server = await startGraph(t);
  await fill(server, ['a/x']);
  t.is((await server.call('GET', `${drive}/root:/a:/delta`)).json.error.code, 'notSupported');
});
