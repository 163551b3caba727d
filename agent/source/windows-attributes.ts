// The attributes "hidden" and "system" of files, by Windows' own call, as Node tells of neither. Never tried on Windows.
import { createRequire } from 'node:module';
import path from 'node:path';
import type { ItemAttributes } from './source.ts';

const hidden = 0x2;
const system = 0x4;
/** INVALID_FILE_ATTRIBUTES: it is not there, or may not be looked at. */
const invalid = 0xffffffff;

export type AttributeReader = (path: string) => ItemAttributes | undefined;

let known: AttributeReader | undefined;

/** Undefined where this is not Windows. Nothing is loaded before the first file is asked for. */
export function attributeReader(): AttributeReader | undefined {
  if (process.platform !== 'win32') return undefined;
  return (file) => (known ??= loadAttributeReader('kernel32.dll'))(file);
}

/** By the library of this name. Loaded when it is needed: every thread has its own, and few need it. */
function loadAttributeReader(libraryName: string): AttributeReader {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const library = koffi.load(libraryName);
  const read = library.func('__stdcall', 'GetFileAttributesW', 'uint32_t', ['str16']) as unknown as (file: string) => number; // oxfmt-ignore
  // The call takes paths of more than 260 characters only in the long form.
  return (file) => attributesOf(read(path.toNamespacedPath(file)));
}

/** What the bits mean. */
export function attributesOf(bits: number): ItemAttributes | undefined {
  if (bits === invalid) return undefined;
  return { isHidden: (bits & hidden) !== 0, isSystem: (bits & system) !== 0 };
}
