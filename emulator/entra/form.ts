// Forms are small: what is larger is not read to its end.
import type { Exchange } from '../http/exchange.ts';
import { Refusal } from './refusal.ts';

const formBytesMax = 64 * 1024;

/** The fields of a form that was posted. Throws a Refusal when it is too large. */
export async function readForm(exchange: Exchange): Promise<URLSearchParams> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of exchange.body) {
    const bytes = Buffer.from(part as Uint8Array);
    length += bytes.length;
    if (length > formBytesMax)
      throw new Refusal('invalid_request', 90015, 'Requested query string is too long.', {
        status: 413,
      });
    parts.push(bytes);
  }
  return new URLSearchParams(Buffer.concat(parts).toString('utf8'));
}
