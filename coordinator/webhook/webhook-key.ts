// The key that seals the secrets of webhooks: made at the first start, in a file that only its owner can read.
import { randomBytes } from 'node:crypto';
import { DroverError } from '../../lib/error.ts';
import { sealedBox, sealKeyBytes, type SealedBox } from '../../lib/sealed-box.ts';
import { readPrivateFile, writeDataFile } from '../trust/private-file.ts';

/** Reads the key from `file`, or makes it. Throws INVALID_ARGUMENT when the file holds another thing. */
export function openWebhookKey(file: string): SealedBox {
  const stored = readPrivateFile(file);
  if (stored !== undefined) return sealedBox(readKey(file, stored));
  const key = randomBytes(sealKeyBytes);
  writeDataFile(file, `${key.toString('hex')}\n`, 0o600);
  return sealedBox(key);
}

function readKey(file: string, text: string): Buffer {
  const key = Buffer.from(text.trim(), 'hex');
  if (key.length === sealKeyBytes && text.trim().length === 2 * sealKeyBytes) return key;
  throw DroverError.invalid(
    '--data',
    `${file} holds no key; bring it back from a backup, or move it away to have a new one made, and then rotate the secret of every webhook, because those that were sealed with it are lost`,
  );
}
