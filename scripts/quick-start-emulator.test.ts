// What a person is told about where in the emulator their files are.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { temporaryFolder } from '../test/harness/folders.ts';
import type { EmulatorReady } from './local-stack.ts';
import { emulatedPlace } from './quick-start-emulator.ts';

const site = 'https://contoso.sharepoint.com/sites/hr';
const oneDrive = 'https://contoso-my.sharepoint.com/personal/ann_contoso_com';

test('the library of a destination, and the folder in which its files can be seen', async (t) => {
  const content = await temporaryFolder(t);
  const library = (url: string, title: string, name: string) => ({
    title,
    url,
    folder: path.join(content, name),
  });
  const documents = library(`${site}/Shared%20Documents`, 'Documents', 'documents');
  const policies = library(`${site}/HRPolicies`, 'Policies', 'policies');
  const own = library(`${oneDrive}/Documents`, 'Documents', 'ann');
  for (const { folder } of [documents, policies, own])
    mkdirSync(path.join(folder, 'Old', 'deep'), { recursive: true });
  const emulator = {
    content,
    sites: [
      { url: site, libraries: [documents, policies] },
      { url: oneDrive, libraries: [own] },
    ],
    users: [{ principalName: 'ann@contoso.com', displayName: 'Ann', id: '1', oneDrive }],
  } as unknown as EmulatorReady;
  const seen = (destination: string) => emulatedPlace(destination, emulator);

  t.deepEqual(seen(site), { libraryUrl: documents.url, folder: documents.folder });
  t.deepEqual(seen(`${site}/HRPolicies`), { libraryUrl: policies.url, folder: policies.folder });
  for (const address of [`${site}/hrpolicies/Old/deep`, `${site}/Policies/Old/deep/`])
    t.is(seen(address)?.folder, path.join(policies.folder, 'Old/deep'), address);
  t.is(seen(`${site}/Shared Documents/Old`)?.folder, path.join(documents.folder, 'Old'));
  t.is(seen(`${site}/Shared%20Documents/Forms/AllItems.aspx`)?.folder, documents.folder);
  t.deepEqual(seen('Ann@contoso.com'), { libraryUrl: own.url, folder: own.folder });
  // A name that the local file system cannot hold lies there under another one.
  t.deepEqual(seen(`${site}/HRPolicies/${'ä'.repeat(200)}`), {
    libraryUrl: policies.url,
    folder: content,
  });
  t.is(seen(`${site}/Nothing`), undefined);
  t.is(seen('nobody@contoso.com'), undefined);
});
