// Certificate authorities from a file, apart from what connects with them, because options are checked before anything connects.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DroverError } from './error.ts';

/** The certificates in the file, PEM. Throws INVALID_ARGUMENT that names the option when there is none, or one is damaged. */
export function readAuthorities(caFile: string, option = '--ca-file'): string[] {
  try {
    const text = readFileSync(caFile, 'utf8');
    const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0) throw new Error('it holds no certificate');
    return found.map((pem) => new X509Certificate(pem).toString());
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
    throw DroverError.invalid(option, `${caFile} cannot be used: ${why}`, cause);
  }
}

/** What TLS says of certificates of a proxy that looks into it, or of an emulator. */
export const mistrusted: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);
