// What is said at a start about the certificate authority: that it is another one than before, which every agent has to be told, or that it
// is about to end.
import { X509Certificate } from 'node:crypto';
import type { Logger } from '../../lib/log.ts';
import type { Clock } from '../../lib/time.ts';
import type { Reader } from '../store/store.ts';
import { happening } from './audit-call.ts';
import type { AuditLog } from './audit-log.ts';
import { readPublicFile } from './private-file.ts';
import type { Trust } from './trust.ts';

/** So long before its end an authority is told of. */
const noticeMs = 60 * 24 * 60 * 60 * 1000;

export interface AuthorityChangeParts {
  /** Where the authority's certificate was written at the last start. */
  file: string;
  trust: Trust;
  store: Reader;
  audit: AuditLog;
  clock: Clock;
  log: Logger;
}

/** Looks at the authority before its certificate is written to the file; enters in the audit log that it is another one. */
export async function warnOfAuthority(parts: AuthorityChangeParts): Promise<void> {
  const { file, trust, store, audit, clock, log } = parts;
  const { authorityExpireTimeMs: endMs } = trust;
  const ends = new Date(endMs).toISOString();
  if (endMs - clock.now() < noticeMs)
    log.warn({ ends }, 'the certificate authority is about to end; give the coordinator another one before that, and let every agent join again'); // oxfmt-ignore
  const before = fingerprintOf(readPublicFile(file));
  const now = fingerprintOf(trust.authorityCertificate);
  if (before === undefined || before === now) return;
  const message = `the certificate authority is another one than before: ${now} in place of ${before} (SHA-256)`;
  await audit.note(happening('the coordinator started'), { resource: '', message });
  if ((await store.agents('', 1)).length > 0)
    log.warn(`${message}; every agent has to join again (drover agents invite), and administrators elsewhere need the new authority.pem`); // oxfmt-ignore
}

/** Of the certificate that signs; undefined where there is none, or nothing that can be read. */
function fingerprintOf(pem: string | undefined): string | undefined {
  try {
    return pem && new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
  } catch {
    return undefined;
  }
}
