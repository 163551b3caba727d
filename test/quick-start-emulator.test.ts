// The quick start with destinations in the emulated tenant, where nobody has to sign in.
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { ErrorReason } from '../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemState, type Item } from '../gen/drover/v1/item_pb.ts';
import { readConnection } from '../lib/connection.ts';
import { allItems, connectApi } from '../scripts/api-client.ts';
import type { EmulatorReady } from '../scripts/local-stack.ts';
import { temporaryFolder } from './harness/folders.ts';
import { endProcessesOf, processesOf, quickStart } from './harness/quick-start.ts'; // oxfmt-ignore
import { makeTree } from './harness/tree.ts';

/** An item as Graph shows it. */
interface DriveItem {
  name: string;
  size: number;
  file?: { hashes: { quickXorHash?: string } };
  fileSystemInfo: { lastModifiedDateTime: string };
  parentReference: { path?: string };
}

/** All that is in the default library of the site, by its path there. */
async function libraryOf(ready: EmulatorReady, site: string): Promise<Map<string, DriveItem>> {
  const graph = await graphOf(ready);
  const items = new Map<string, DriveItem>();
  let next: string | undefined = `/v1.0/sites/${site}:/drive/root/delta`;
  while (next !== undefined) {
    const page: Page = await graph(next);
    for (const item of page.value) {
      const folder = decodeURIComponent(item.parentReference.path?.replace(/^.*root:/, '') ?? '');
      items.set(`${folder}/${item.name}`.slice(1), item);
    }
    const link = page['@odata.nextLink'];
    next = link?.slice(link.indexOf('/v1.0/'));
  }
  return items;
}

interface Page {
  value: DriveItem[];
  '@odata.nextLink'?: string;
}

/** Calls of Graph as the tenant's application; by the listener without TLS, which is on this machine. */
async function graphOf(ready: EmulatorReady): Promise<(target: string) => Promise<Page>> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: ready.clientId,
    client_secret: ready.clientSecret,
    scope: 'https://graph.microsoft.com/.default',
  });
  const address = `${ready.http}/${ready.tenant}/oauth2/v2.0/token`;
  const answer = await fetch(address, { method: 'POST', body: form });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  const headers = { authorization: `Bearer ${token}` };
  return async (target) =>
    (await fetch(`${ready.http}${target}`, { headers })).json() as Promise<Page>;
}

async function runItems(data: string): Promise<Item[]> {
  const api = connectApi(readConnection(data));
  const [task] = (await api.tasks.listTasks({})).tasks;
  return await Array.fromAsync(allItems(api, `${task!.name}/runs/1`));
}

async function emulatorOf(data: string): Promise<EmulatorReady> {
  const line = await readFile(path.join(data, 'logs', 'emulator.out'), 'utf8');
  return JSON.parse(line) as EmulatorReady;
}

test.serial('the sample arrives in the emulated library, whole, dated, and provably', async (t) => {
  t.timeout(120_000);
  const folder = await temporaryFolder(t);
  const data = path.join(folder, 'data');
  t.teardown(() => endProcessesOf(folder));
  const { status, stdout, stderr } = await quickStart(folder, '--small', '--data', data, '--keep');
  t.is(status, 0, stdout + stderr);
  t.regex(stdout, /in the emulator/);
  t.regex(stdout, /failed +0 items/);
  t.regex(
    stdout,
    /library +https:\/\/contoso\.sharepoint\.com\/sites\/migration\/Shared%20Documents/,
  );
  const shown = /files in +(.+)/.exec(stdout)![1]!;

  const items = await runItems(data);
  const moved = items.filter(({ state }) => state === ItemState.SUCCEEDED);
  const left = items.filter(({ state }) => state !== ItemState.SUCCEEDED);
  t.deepEqual(left.map(({ reason }) => reason), left.map(() => ErrorReason.TEMPORARY_FILE)); // oxfmt-ignore
  t.is(left.length, 2);
  t.true(moved.length > 200);
  const renamed = moved.filter(({ destinationPath }) => destinationPath !== '');
  t.true(renamed.length > 8, renamed.map(({ path: name }) => name).join('\n'));

  const ready = await emulatorOf(data);
  const library = await libraryOf(ready, 'contoso.sharepoint.com:/sites/migration');
  for (const item of moved) {
    const place = item.destinationPath || item.path;
    const source = path.join(data, 'share', item.path);
    const there = library.get(`Sample share/${place}`);
    t.truthy(there, place);
    const modifiedMs = Math.floor(statSync(source).mtimeMs / 1000) * 1000;
    t.is(Date.parse(there!.fileSystemInfo.lastModifiedDateTime), modifiedMs, place);
    if (item.kind !== ItemKind.FILE) continue;
    t.true((await readFile(path.join(shown, place))).equals(await readFile(source)), place);
    t.is(there!.file!.hashes.quickXorHash, item.quickXorHash, place);
  }
  t.is([...library.keys()].filter((name) => name.startsWith('Sample share/')).length, moved.length);
  t.is(processesOf(folder).length, 3);
});

test.serial(
  'a OneDrive in the emulated tenant; the same command moves nothing again',
  async (t) => {
    t.timeout(120_000);
    const folder = await temporaryFolder(t);
    const source = path.join(folder, 'source');
    const data = path.join(folder, 'data');
    await makeTree(source, { 'a: b.txt': 'one', inner: { 'c.txt': 'two' } });
    const args = ['--source', 'source', '--destination', 'ann@contoso.com', '--data', 'data'];
    const first = await quickStart(folder, ...args);
    t.is(first.status, 0, first.stdout + first.stderr);
    t.regex(first.stdout, /migrated +3 items/);
    const shown = /files in +(.+)/.exec(first.stdout)![1]!;
    t.is(shown, path.join(data, 'emulator/content/personal/ann_contoso_com/Documents'));
    t.is(await readFile(path.join(shown, 'a_ b.txt'), 'utf8'), 'one');

    const second = await quickStart(folder, ...args);
    t.is(second.status, 0, second.stdout + second.stderr);
    t.regex(second.stdout, /migrated +0 items/);

    t.deepEqual(processesOf(folder), []);
  },
);
