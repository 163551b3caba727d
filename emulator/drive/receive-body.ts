// A body on its way to the disk: each chunk is written as it comes and hashed while it is still in the processor's cache. The
// writes are synchronous, which for chunks of this size costs less than handing them to another thread.
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { QuickXorHash } from '../../lib/quick-xor-hash.ts';
import { DriveError } from './drive-error.ts';

export interface ReceiveOptions {
  /** Written from `position` on; made when it is missing. */
  path: string;
  position: number;
  /** A longer body ends with this refusal. */
  bytesMax: number;
  tooLong: () => DriveError;
  hash: QuickXorHash;
}

/** Writes a body into a file. Answers with its length; rejects when the sender goes away before its end. */
export function receiveBody(body: Readable, options: ReceiveOptions): Promise<number> {
  // Without O_TRUNC: what is there before the position stays.
  const descriptor = openSync(options.path, options.position === 0 ? 'w' : 'r+');
  const { position, bytesMax, hash } = options;
  let received = 0;
  return new Promise<number>((resolve, reject) => {
    const settle = (error?: Error) => {
      body.off('data', take).off('end', end).off('error', settle).off('close', gone);
      closeSync(descriptor);
      if (error === undefined) return resolve(received);
      // An error that comes after this one has nobody to tell, and what is left of the body is of no use.
      body.on('error', () => {}).resume();
      return reject(error);
    };
    const take = (chunk: Buffer) => {
      if (received + chunk.length > bytesMax) return settle(options.tooLong());
      try {
        for (let at = 0; at < chunk.length;)
          at += writeSync(descriptor, chunk, at, chunk.length - at, position + received + at);
      } catch (error) {
        return settle(new DriveError('serviceNotAvailable', 'The disk takes no more.', { cause: error })); // oxfmt-ignore
      }
      hash.update(chunk);
      received += chunk.length;
    };
    const end = () => settle();
    const gone = () => settle(new DriveError('invalidRequest', 'The body ended too early.'));
    if (body.destroyed && !body.readableEnded) return gone();
    body.on('data', take).on('end', end).on('error', settle).on('close', gone);
  });
}
