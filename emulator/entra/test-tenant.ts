// A tenant with a client and a clock that can be moved on, for the tests of sign-in.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { EntraOptions } from './entra.ts';
import { makeAppCertificate, PlayedClient } from './played-client.ts';
import { startStandalone } from './standalone.ts';

export const tenantId = '6f1d8a52-3c0b-4e7a-9d52-70a4b8c1e933';
export const clientId = 'c3b1f0de-8a44-4f0e-b7a4-51d2e6a90c11';
/** An application without permissions. */
export const emptyId = '0b6c2d7e-55aa-4b0f-8f52-9a1c3d5e7f00';
export const graph = 'https://graph.microsoft.com';
export const sharePoint = 'https://contoso.sharepoint.com';
export const ann = {
  id: '1d7f4c26-4f3e-4f0e-a7f1-0a4b9f1c2d01',
  principalName: 'ann@contoso.com',
  displayName: 'Ann',
};

/** One that is registered, one that is registered and has ended, one that nobody knows. */
export const certificates = Promise.all([
  makeAppCertificate({ notBefore: new Date(0), notAfter: new Date('2100-01-01') }),
  makeAppCertificate({ notBefore: new Date(0), notAfter: new Date('2001-01-01') }),
  makeAppCertificate({ notBefore: new Date(0), notAfter: new Date('2100-01-01') }),
]);

/** Starts them; they end with the test. */
export async function startTenant(t: ExecutionContext, more: Partial<EntraOptions> = {}) {
  const [valid, expired] = await certificates;
  const keyFolder = mkdtempSync(path.join(tmpdir(), 'drover-entra-'));
  const clock = { aheadMs: 0 };
  const options: EntraOptions = {
    tenantId,
    tenantName: 'contoso',
    domain: 'contoso.com',
    users: [ann],
    apps: [
      {
        clientId,
        name: 'Migration',
        secrets: ['right'],
        expiredSecrets: ['of last year'],
        certificates: [valid.certificate, expired.certificate],
        permissions: {
          application: ['Sites.ReadWrite.All', 'Files.ReadWrite.All'],
          delegated: ['Files.ReadWrite.All', 'Sites.ReadWrite.All'],
        },
      },
      {
        clientId: emptyId,
        name: 'Nothing granted',
        secrets: ['right'],
        certificates: [],
        permissions: { application: [], delegated: [] },
      },
    ],
    keyFolder,
    now: () => Date.now() + clock.aheadMs,
    deviceCodeIntervalSeconds: 0,
    ...more,
  };
  const server = await startStandalone(options);
  const client = new PlayedClient(server);
  t.teardown(async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    rmSync(keyFolder, { recursive: true });
  });
  const origin = `https://localhost:${server.port}`;
  return {
    server,
    client,
    clock,
    options,
    origin,
    entra: server.entra,
    auth: {
      clientId,
      authority: `${origin}/${tenantId}`,
      knownAuthorities: [`localhost:${server.port}`],
    },
    token: (form: Record<string, string>, tenant = tenantId) =>
      client.post(`${origin}/${tenant}/oauth2/v2.0/token`, form),
    decide: (form: Record<string, string>) => client.post(`${origin}/devicelogin`, form),
  };
}

/** The form of an application that calls as itself. */
export const byItself = {
  grant_type: 'client_credentials',
  client_id: clientId,
  client_secret: 'right',
};
export const toGraph = { scope: `${graph}/.default` };
