// The lines of a file as the bytes they are: a signature is over bytes, and text that is read and written again may be other ones.
import { createReadStream } from 'node:fs';

/** No line of evidence is nearly as long. */
export const lineBytesMax = 1024 * 1024;

/** A line without its line feed, and whether it had one. */
export interface Line {
  bytes: Buffer;
  isWhole: boolean;
}

/** Each line of the file, the last one also when it does not end; of a line that is longer than `lineBytesMax`, its beginning. */
export async function* readLines(file: string): AsyncGenerator<Line> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of createReadStream(file, {
    highWaterMark: 256 * 1024,
  }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      yield { bytes: Buffer.concat([...rest, chunk.subarray(from, at)]), isWhole: true };
      rest = [];
      restBytes = 0;
      from = at + 1;
    }
    if (from === chunk.length) continue;
    rest.push(chunk.subarray(from));
    restBytes += chunk.length - from;
    if (restBytes > lineBytesMax) break;
  }
  if (restBytes > 0) yield { bytes: Buffer.concat(rest), isWhole: false };
}
