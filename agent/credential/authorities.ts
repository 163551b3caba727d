// Certificate authorities from a file, apart from what connects with them, because options are checked before anything connects.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DroverError } from '../../lib/error.ts';

/** The certificates in the file, PEM. Throws INVALID_ARGUMENT when there is none, or one is damaged. */
export function readAuthorities(caFile: string): string[] {
  try {
    const text = readFileSync(caFile, 'utf8');
    const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0) throw new Error('it holds no certificate');
    return found.map((pem) => new X509Certificate(pem).toString());
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
    throw DroverError.invalid('--ca-file', `${caFile} cannot be used: ${why}`, cause);
  }
}
