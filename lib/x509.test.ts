import './reflect-metadata.ts';
import { X509Certificate as NodeCertificate } from 'node:crypto';
import * as usual from '@peculiar/x509';
import test from 'ava';
import * as light from './x509.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

test('everything that is taken from the one file is there, as in the usual entry of the package', (t) => {
  const wanted = Object.keys(light).toSorted();
  t.true(wanted.length > 10);
  t.deepEqual(Object.entries(light).filter(([, value]) => value === undefined), []); // oxfmt-ignore
  t.deepEqual(wanted.filter((name) => !(name in usual)), []); // oxfmt-ignore
  t.deepEqual({ ...light.ExtendedKeyUsage }, { ...usual.ExtendedKeyUsage });
  t.deepEqual({ ...light.KeyUsageFlags }, { ...usual.KeyUsageFlags });
});

test('a certificate that it makes is what others read, and a request that others make is what it reads', async (t) => {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const names = [{ type: 'dns' as const, value: 'files.example.com' }];
  const certificate = await light.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Light',
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new light.BasicConstraintsExtension(true, 0, true),
      new light.SubjectAlternativeNameExtension(names),
    ],
  });
  const read = new NodeCertificate(Buffer.from(certificate.rawData));
  t.is(read.subject, 'CN=Light');
  t.true(read.ca);
  t.is(read.subjectAltName, 'DNS:files.example.com');
  t.true(read.verify(read.publicKey));
  usual.cryptoProvider.set(globalThis.crypto);
  const made = await usual.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=Usual',
    keys,
    signingAlgorithm: algorithm,
  });
  const request = new light.Pkcs10CertificateRequest(made.rawData);
  t.is(request.subject, 'CN=Usual');
  t.true(await request.verify());
});
