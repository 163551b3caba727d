// A program as its makers would write it: the official libraries, the real host names, and no word of an emulator. What leads it
// to one is in its environment: HTTPS_PROXY and the certificate to trust. Prints what it found as one JSON line.
// oxlint-disable-next-line no-restricted-imports -- the very library is what is tried
import { ConfidentialClientApplication } from '@azure/msal-node';
import {
  Client,
  FileUpload,
  LargeFileUploadTask,
  PageIterator,
} from '@microsoft/microsoft-graph-client';

const [tenant = '', clientId = '', clientSecret = '', siteAddress = ''] = process.argv.slice(2);
const sizeBytes = 700_000;
const rangeBytes = 320 * 1024;

const application = new ConfidentialClientApplication({
  auth: {
    clientId,
    clientSecret,
    authority: `https://login.microsoftonline.com/${tenant}`,
  },
});

const client = Client.init({
  authProvider: (done) => {
    application
      .acquireTokenByClientCredential({ scopes: ['https://graph.microsoft.com/.default'] })
      .then(
        (result) => done(null, result?.accessToken ?? null),
        (error: unknown) => done(error, null),
      );
  },
});

interface Item {
  id: string;
  name: string;
  size: number;
  webUrl: string;
}

const site = (await client.api(`/sites/${siteAddress}`).get()) as { id: string; webUrl: string };
const drive = (await client.api(`/sites/${site.id}/drive`).get()) as { id: string };
const folder = (await client.api(`/drives/${drive.id}/root/children`).post({
  name: 'From a client',
  folder: {},
  '@microsoft.graph.conflictBehavior': 'fail',
})) as Item;

const content = Buffer.alloc(sizeBytes, 'the quick brown fox ');
const session = await LargeFileUploadTask.createUploadSession(
  client,
  `/drives/${drive.id}/items/${folder.id}:/large.bin:/createUploadSession`,
  { item: { '@microsoft.graph.conflictBehavior': 'replace' } },
);
const upload = new LargeFileUploadTask(
  client,
  new FileUpload(
    content.buffer.slice(content.byteOffset, content.byteOffset + sizeBytes),
    'large.bin',
    sizeBytes,
  ),
  session,
  { rangeSize: rangeBytes },
);
const uploaded = (await upload.upload()).responseBody as Item;

await client.api(`/drives/${drive.id}/items/${folder.id}:/small.txt:/content`).put('small');

const names: string[] = [];
const page = await client.api(`/drives/${drive.id}/items/${folder.id}/children`).top(1).get();
await new PageIterator(client, page, (item: Item) => names.push(item.name) > 0).iterate();

const downloaded = await client
  .api(`/drives/${drive.id}/items/${uploaded.id}/content`)
  .responseType('arraybuffer' as never)
  .get();
const same = content.equals(Buffer.from(downloaded as ArrayBuffer));

process.stdout.write(
  `${JSON.stringify({ site: site.webUrl, uploadHost: new URL(session.url).host, size: uploaded.size, webUrl: uploaded.webUrl, names: names.sort(), same })}\n`,
);
