// @peculiar/x509, the library that makes and reads certificates. It is loaded as the one file that the package has of itself and all it
// rests on: by its usual entry it is 240 files, which cost every coordinator, and every agent that joins, a tenth of its start.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { compileFunction } from 'node:vm';
import type * as Library from '@peculiar/x509';
import './reflect-metadata.ts';

/** A script for browsers: it leaves the library in a variable of this name. */
const filename = createRequire(import.meta.url).resolve('@peculiar/x509/build/x509.js');
const load = compileFunction(`${readFileSync(filename, 'utf8')}\nreturn x509;`, [], { filename });

export const {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  ExtendedKeyUsage,
  KeyUsageFlags,
  cryptoProvider,
} = load() as typeof Library;

export type X509Certificate = Library.X509Certificate;
export type Pkcs10CertificateRequest = Library.Pkcs10CertificateRequest;
export type Extension = Library.Extension;
export type PublicKey = Library.PublicKey;
export type KeyUsageFlags = Library.KeyUsageFlags;

cryptoProvider.set(globalThis.crypto);
