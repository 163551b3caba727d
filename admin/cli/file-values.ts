// Values of flags that are the content of a file: `@FILE`, or `-` for standard input.
import type { JsonValue } from '@bufbuild/protobuf';
import { createReadStream } from 'node:fs';
import { DroverError } from '../../lib/error.ts';
import type { Flag } from './flag.ts';
import { isFileValue } from './flag-value.ts';

/** No request takes more. */
const contentBytesMax = 32 * 1024 * 1024;

type Chunks = AsyncIterable<Buffer | string>;

/** The flags, with the content of files in place of their names. Throws INVALID_ARGUMENT that names the flag whose file cannot be read. */
export async function withFiles(
  flags: ReadonlyMap<Flag, JsonValue>,
  stdin: Chunks,
  requestJson: string | undefined,
): Promise<Map<Flag, JsonValue>> {
  const values = new Map(flags);
  let isStdinTaken = requestJson === '-';
  for (const [flag, value] of flags) {
    if (flag.value.takesFile !== true || !isFileValue(value)) continue;
    if (value === '-' && isStdinTaken)
      throw DroverError.invalid(`--${flag.name}`, 'cannot be read from standard input, which is read for another flag'); // oxfmt-ignore
    isStdinTaken ||= value === '-';
    values.set(flag, await contentOf(`--${flag.name}`, value, stdin));
  }
  return values;
}

/** As protojson, which is base64. */
async function contentOf(name: string, value: string, stdin: Chunks): Promise<string> {
  const file = value === '-' ? undefined : value.slice(1);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of (file === undefined ? stdin : createReadStream(file)) as Chunks) {
      const chunk = typeof part === 'string' ? Buffer.from(part) : part;
      bytes += chunk.length;
      if (bytes > contentBytesMax) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw DroverError.invalid(name, `cannot read ${file ?? 'standard input'}: ${(cause as Error).message}`, cause); // oxfmt-ignore
  }
  if (bytes > contentBytesMax)
    throw DroverError.invalid(name, `${file ?? 'standard input'} has more than the ${contentBytesMax} bytes that can be sent`); // oxfmt-ignore
  return Buffer.concat(chunks).toString('base64');
}
