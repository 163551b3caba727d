// The fingerprint of the certificate authority, by which people compare that an invitation, and an agent, mean this coordinator.
import { hash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';

/** The file in the data folder with the authority's certificate and those above it, which everybody may read. */
export const authorityFileName = 'authority.pem';

/**
 * Lower-case hexadecimal SHA-256 of the root's certificate in DER, as it stands in join tokens. Throws INVALID_ARGUMENT when the data folder
 * has none that can be read.
 */
export function readAuthorityFingerprint(dataFolder: string): string {
  const file = path.join(dataFolder, authorityFileName);
  try {
    const certificates = readFileSync(file, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g); // oxfmt-ignore
    return hash('sha256', new X509Certificate(certificates?.at(-1) ?? '').raw);
  } catch (cause) {
    const { code = 'it holds no certificate' } = cause as NodeJS.ErrnoException;
    const why = code.startsWith('ERR_') ? 'it holds no certificate' : code;
    throw DroverError.invalid('--data', `${file} cannot be read (${why}); a coordinator writes it when it starts`, cause); // oxfmt-ignore
  }
}
