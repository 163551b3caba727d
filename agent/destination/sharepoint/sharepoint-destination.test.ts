// The SharePoint destination against the emulated tenant: the suite that every destination passes, and what only SharePoint has.
import test from 'ava';
import { testDestination, type DestinationPlace, type DestinationTraits } from '../contract.ts';
import { TestTenant } from './test-tenant.ts';

const tenant = await TestTenant.start();
test.after.always(() => tenant[Symbol.asyncDispose]());

const traits: DestinationTraits = {
  names: ['-dash', "quote's", 'a#b', '100%', 'a+b&c', '日本', 'Ünï', '.dot', 'n'.repeat(255)],
  precisionNs: 1_000_000_000n,
  hasParts: false,
};

interface GraphItem {
  name: string;
  folder?: object;
  fileSystemInfo: { lastModifiedDateTime: string };
}

async function makePlace(): Promise<DestinationPlace> {
  const address = tenant.folderAddress();
  const { driveId, folder } = await tenant.resolve(address);
  const below = (path: string) =>
    `/drives/${driveId}/root:/${[...folder.split('/'), ...path.split('/')].filter(Boolean).map(encodeURIComponent).join('/')}:`;
  const children = async (path: string): Promise<GraphItem[]> => {
    const answer = await tenant.graph('GET', `${below(path)}/children?$top=999`);
    return answer.status === 404 ? [] : (answer.json() as { value: GraphItem[] }).value;
  };
  const list = async (path: string): Promise<string[]> => {
    const found: string[] = [];
    for (const item of await children(path)) {
      const itemPath = path === '' ? item.name : `${path}/${item.name}`;
      found.push(itemPath);
      if (item.folder !== undefined) found.push(...(await list(itemPath)));
    }
    return found.sort();
  };
  return {
    open: () => tenant.open(address),
    readBack: async (path) => {
      const select = '?$select=id,@microsoft.graph.downloadUrl';
      const answer = await tenant.graph('GET', `${below(path)}${select}`);
      if (answer.status === 404) return undefined;
      const item = answer.json() as Record<string, string>;
      return (await tenant.graph('GET', item['@microsoft.graph.downloadUrl']!)).body;
    },
    modifiedNs: async (path) => {
      const item = (await tenant.graph('GET', below(path))).json() as GraphItem;
      return BigInt(Date.parse(item.fileSystemInfo.lastModifiedDateTime)) * 1_000_000n;
    },
    list: () => list(''),
    [Symbol.asyncDispose]: async () => {},
  };
}

testDestination(test, 'sharepoint', makePlace, traits);
