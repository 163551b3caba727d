// The text of a file of tasks, whatever wrote it: UTF-8 with or without a byte order mark, or UTF-16 with one, as Excel's "Unicode text" has. PURE.
import { DroverError } from '../../lib/error.ts';

const advice = 'save it as "CSV UTF-8", or as UTF-8 where it is JSON';

/** Throws INVALID_ARGUMENT that names `field` when the bytes are no text. */
export function decodeText(content: Uint8Array, field: string): string {
  const encoding = encodingOf(content);
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(content);
  } catch (cause) {
    throw DroverError.invalid(field, `is not a text in ${encoding.toUpperCase()}; ${advice}`, cause); // oxfmt-ignore
  }
  if (text.includes('\0'))
    throw DroverError.invalid(field, `is not a text: it holds a NUL character; ${advice}`);
  return text;
}

function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}
