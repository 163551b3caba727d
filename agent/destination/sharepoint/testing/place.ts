// A folder of the test tenant: written to by the destination under test, and looked at and disturbed from the side.
import type { RecyclingPlace } from '../../move-contract.ts';
import { begin, contentOf, uploadOptions } from '../../contract.ts';
import type { Destination, DestinationFile, Upload, UploadOptions } from '../../destination.ts';
import { Hasher } from '../../../pool/hasher.ts';
import { systemClock, type Clock } from '../../../../lib/time.ts';
import type { GraphClient } from '../graph-client.ts';
import type { TestTenant } from './tenant.ts';

/** A driveItem, as far as tests look at it. */
export interface GraphItem {
  id: string;
  name: string;
  size: number;
  cTag: string;
  folder?: object;
  fileSystemInfo: { lastModifiedDateTime: string; createdDateTime: string };
}

export interface TestPlace extends RecyclingPlace {
  address: string;
  driveId: string;
  open(parts?: { client?: GraphClient; signal?: AbortSignal }): Promise<Destination>;
  /** The path of Graph to what is at a path. */
  below(path: string): string;
  item(path: string): Promise<GraphItem | undefined>;
  /** How many versions a file has. */
  versions(path: string): Promise<number>;
  /** Somebody else puts a file there. */
  put(path: string, content: Uint8Array): Promise<GraphItem>;
  /** Somebody else opens an upload there; answers with its address. */
  openSession(path: string): Promise<string>;
  /** Whether the session of an address is still open. */
  isOpen(url: string): Promise<boolean>;
}

/** A new place; `library` is the address of a library. */
export async function openTestPlace(tenant: TestTenant, library?: string): Promise<TestPlace> {
  const address = tenant.folderAddress(library);
  const { driveId, folder } = await tenant.resolve(address);
  const below = (path: string) =>
    `/drives/${driveId}/root:/${[...folder.split('/'), ...path.split('/')].filter(Boolean).map(encodeURIComponent).join('/')}:`;
  const item = async (path: string): Promise<GraphItem | undefined> => {
    const answer = await tenant.graph('GET', below(path));
    return answer.status === 404 ? undefined : (answer.json() as GraphItem);
  };
  const list = async (path: string): Promise<string[]> => {
    const answer = await tenant.graph('GET', `${below(path)}/children?$top=999`);
    if (answer.status === 404) return [];
    const found: string[] = [];
    for (const child of (answer.json() as { value: GraphItem[] }).value) {
      const childPath = path === '' ? child.name : `${path}/${child.name}`;
      found.push(childPath);
      if (child.folder !== undefined) found.push(...(await list(childPath)));
    }
    return found.sort();
  };
  const readBack = async (path: string): Promise<Buffer | undefined> => {
    const select = '?$select=id,@microsoft.graph.downloadUrl';
    const answer = await tenant.graph('GET', `${below(path)}${select}`);
    if (answer.status === 404) return undefined;
    const found = answer.json() as Record<string, string>;
    return (await tenant.graph('GET', found['@microsoft.graph.downloadUrl']!)).body;
  };
  return {
    address,
    driveId,
    below,
    item,
    open: (parts) => tenant.open(address, parts),
    readBack,
    modifiedNs: async (path) => {
      const modified = (await item(path))!.fileSystemInfo.lastModifiedDateTime;
      return BigInt(Date.parse(modified)) * 1_000_000n;
    },
    versions: async (path) => {
      const answer = await tenant.graph('GET', `${below(path)}/versions`);
      return (answer.json() as { value: unknown[] }).value.length;
    },
    bringBack: async (path, id) => {
      const answer = await tenant.graph('POST', `/drives/${driveId}/items/${id}/restore`, {});
      return answer.status === 200 ? await readBack(path) : undefined;
    },
    put: async (path, content) =>
      (await tenant.graph('PUT', `${below(path)}/content`, content)).json() as GraphItem,
    disturb: async (path, content, modifiedNs) => {
      await tenant.graph('PUT', `${below(path)}/content`, content);
      const lastModifiedDateTime = new Date(Number(modifiedNs / 1_000_000n)).toISOString();
      const times = { fileSystemInfo: { lastModifiedDateTime } };
      await tenant.graph('PATCH', below(path), times);
    },
    openSession: async (path) => {
      const answer = await tenant.graph('POST', `${below(path)}/createUploadSession`, {});
      return (answer.json() as { uploadUrl: string }).uploadUrl;
    },
    isOpen: async (url) => (await tenant.graph('GET', url)).status === 200,
    list: () => list(''),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** A content that differs at every place, so that a lost or doubled piece shows. */
export function contentOfBytes(length: number, seed = 1): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index++) words[index] = (index + seed) * 2_654_435_761;
  return Buffer.from(words.buffer, 0, length);
}

/** Uploads as a transfer does: from where it goes on, in chunks of the size that is asked for. */
export async function send(
  destination: Destination,
  path: string,
  content: Uint8Array,
  more: Partial<UploadOptions> = {},
): Promise<DestinationFile> {
  const upload = await begin(destination, uploadOptions(path, content, more));
  await sendChunks(upload, content);
  return await upload.commit(new Hasher().whole(content), contentOf(content));
}

/** Writes everything from where it goes on. */
export async function sendChunks(upload: Upload, content: Uint8Array): Promise<void> {
  for (let at = upload.acceptedBytes; at < content.length;) {
    const chunk = content.subarray(at, at + upload.chunkBytes);
    await upload.write(chunk);
    at += chunk.length;
  }
}

/** A clock on which pauses are over at once. */
export interface QuickClock extends Clock {
  /** All pauses so far, in milliseconds. */
  readonly pauses: number[];
}

/** `onPause` is called at each pause, which is over when it has ended. */
export function quickClock(
  onPause: (count: number) => Promise<void> | void = () => {},
): QuickClock {
  const pauses: number[] = [];
  let skippedMs = 0;
  return {
    pauses,
    ...systemClock,
    steady: () => systemClock.steady() + skippedMs,
    after: (delayMs, callback) => {
      let isCancelled = false;
      pauses.push(delayMs);
      skippedMs += delayMs;
      void Promise.resolve(onPause(pauses.length)).then(() => {
        if (!isCancelled) callback();
      });
      return () => {
        isCancelled = true;
      };
    },
  };
}
