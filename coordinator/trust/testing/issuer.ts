// A tenant's sign-in that signs whatever a test wants it to, as nobody honest would.
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';
import { Entra } from '../entra.ts';
import {
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '../../../lib/x509.ts';

export const issuingTenant = '6f1d8a52-3c0b-4e7a-9d52-70a4b8c1e933';
export const audience = 'c3b1f0de-8a44-4f0e-b7a4-51d2e6a90c11';

export type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** Starts one that ends with the test, with a key and a coordinator's view of it. */
export async function startIssuer(t: ExecutionContext) {
  const { certificate, privateKey } = await serverCertificate();
  const keys: JWK[] = [];
  const state = { status: 200, document: {} as Record<string, unknown>, fetches: 0 };
  const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    const isKeys = request.url?.endsWith('/keys') === true;
    if (isKeys) state.fetches += 1;
    const body = isKeys ? { keys } : state.document;
    response.writeHead(state.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const authorityUrl = `https://localhost:${(server.address() as AddressInfo).port}`;
  const issuer = `${authorityUrl}/${issuingTenant}/v2.0`;
  state.document = { issuer, jwks_uri: `${authorityUrl}/keys` };
  const pair = await generateKeyPair('RS256', { extractable: true });
  keys.push({ ...(await exportJWK(pair.publicKey)), kid: 'first', use: 'sig' });
  const clock = {
    nowMs: Date.now(),
    now: () => clock.nowMs,
    steady: () => clock.nowMs,
    after: () => () => {},
  };
  const entra = new Entra(
    {
      tenant: 'contoso.com',
      clientId: audience,
      authorityUrl,
      authorities: [certificate],
      proxy: undefined,
    },
    { clock, cooldownMs: 0 },
  );
  t.teardown(async () => {
    await entra.close();
    server.closeAllConnections();
    server.close();
  });
  const second = Math.floor(clock.nowMs / 1000);
  /** Those of a good token of a person. */
  const claims: JWTPayload = {
    aud: audience,
    iss: issuer,
    iat: second,
    nbf: second,
    exp: second + 3600,
    azp: audience,
    oid: '1d7f4c26-4f3e-4f0e-a7f1-0a4b9f1c2d01',
    sub: 'somebody',
    scp: 'access_as_user',
    tid: issuingTenant,
    ver: '2.0',
    preferred_username: 'ann@contoso.com',
    roles: ['Drover.Admin'],
  };
  return {
    entra,
    clock,
    state,
    keys,
    pair,
    issuer,
    claims,
    second,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
    /** Signs the good claims with changes, by the tenant's key or another one. */
    sign: (changes: Record<string, unknown> = {}, key = pair.privateKey, header: object = {}) =>
      new SignJWT({ ...claims, ...changes })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'first', ...header })
        .sign(key),
  };
}

/** A certificate of its own for `localhost`, and its key; both PEM. */
export async function serverCertificate() {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Played sign-in',
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
    keys,
    signingAlgorithm: algorithm,
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  });
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: certificate.toString('pem'),
    privateKey: PemConverter.encode(pkcs8, 'PRIVATE KEY'),
  };
}
