// Messages that nobody would send: made from the schema with values from the edges, and then damaged byte by byte. The same chance makes
// the same messages.
import { ScalarType, toBinary, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf'; // oxfmt-ignore
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import type { Random } from './chaos-random.ts';

const depthMax = 4;
/** How many values a list gets that is meant to be long. */
const longList = 3000;

const edgeStrings = [
  '',
  ' ',
  '.',
  '..',
  '../../etc/passwd',
  '/etc/passwd',
  'a/../../b',
  'C:\\Windows\\win.ini',
  '\\\\server\\share\\file',
  '\\\\?\\C:\\a',
  'file.txt:stream',
  'a\0b',
  'a\r\nlevel=error msg=forged',
  '=cmd|calc!A0',
  '${jndi:ldap://x}',
  '\u202Etxt.exe',
  'A\u030A',
  'tasks/',
  'tasks/-',
  'tasks/a/runs/0',
  'tasks/a/runs/99999999999999999999',
  'file:///',
  'file:///../..',
  'https://contoso.sharepoint.com/sites/x',
  'CON',
  '%2e%2e%2f',
  '* * * * *',
  'x'.repeat(70_000),
];

const edgeNumbers = [0n, 1n, 2n, -1n, 127n, 128n, 255n, 65_536n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n]; // oxfmt-ignore

/** Words that mean something to the receiver, such as the names of things that it has, so that messages get past the first check. */
export type Dictionary = readonly string[];

/** A message of a type, encoded: mostly one that could be, with values that could not. */
export function randomMessage(desc: DescMessage, random: Random, words: Dictionary): Uint8Array {
  return toBinary(desc, fill(reflect(desc), random, words, 0).message as Message);
}

/** The bytes with some of them changed, left out, repeated or added. */
export function damage(bytes: Uint8Array, random: Random): Uint8Array {
  let result = Buffer.from(bytes);
  for (let count = random.between(1, 4); count > 0; count--) {
    const at = random.between(0, result.length);
    const to = random.between(at, Math.min(result.length, at + 64));
    const [head, piece, tail] = [result.subarray(0, at), result.subarray(at, to), result.subarray(to)]; // oxfmt-ignore
    switch (random.between(0, 5)) {
      case 0:
        if (at < result.length) result[at] = result[at]! ^ (1 << random.between(0, 7));
        break;
      case 1:
        result = Buffer.from(head);
        break;
      case 2:
        result = Buffer.concat([head, piece, piece, tail]);
        break;
      case 3:
        result = Buffer.concat([head, randomBytes(random, random.between(1, 16)), tail]);
        break;
      case 4:
        result = Buffer.concat([head, tail]);
        break;
      default:
        // A length, or a number, of ten bytes: the largest there is.
        result = Buffer.concat([head, Buffer.alloc(random.between(1, 11), 0xff), tail]);
    }
  }
  return result;
}

export function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = random.between(0, 255);
  return bytes;
}

function fill(message: ReflectMessage, random: Random, words: Dictionary, depth: number) {
  const present = random.next();
  for (const field of message.desc.fields) {
    if (!random.chance(present)) continue;
    if (field.fieldKind === 'list') fillList(message, field, random, words, depth);
    else if (field.fieldKind !== 'map') message.set(field, valueOf(field, random, words, depth));
  }
  if (random.chance(0.1))
    message.setUnknown([{ no: random.between(1, 5000), wireType: 2, data: randomBytes(random, 8) }]); // oxfmt-ignore
  return message;
}

function fillList(
  message: ReflectMessage,
  field: DescField & { fieldKind: 'list' },
  random: Random,
  words: Dictionary,
  depth: number,
): void {
  // oxfmt-ignore
  const isSimple = field.listKind !== 'message';
  const length = isSimple && random.chance(0.02) ? longList : random.between(0, 4);
  const list = message.get(field);
  for (let index = 0; index < length; index++)
    list.add(valueOf(field, random, words, depth) as never);
}

function valueOf(
  field: DescField,
  random: Random,
  words: Dictionary,
  depth: number,
): ReflectMessage | string | number | bigint | boolean | Uint8Array {
  if (field.message !== undefined) {
    const inner = reflect(field.message);
    return depth >= depthMax ? inner : fill(inner, random, words, depth + 1);
  }
  if (field.enum !== undefined)
    return random.chance(0.8)
      ? random.pick(field.enum.values).number
      : random.pick([-1, 7, 99, 2 ** 31 - 1]);
  return scalarOf(field.scalar!, random, words);
}

function scalarOf(type: ScalarType, random: Random, words: Dictionary) {
  switch (type) {
    case ScalarType.STRING:
      return words.length > 0 && random.chance(0.7) ? random.pick(words) : random.pick(edgeStrings);
    case ScalarType.BYTES:
      return randomBytes(random, random.pick([0, 1, 20, 32, 33, 4096]));
    case ScalarType.BOOL:
      return random.chance(0.5);
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return random.pick([0, -0, 1, NaN, Infinity, -Infinity, 1e300]);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return BigInt.asIntN(64, numberOf(random));
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return BigInt.asUintN(64, numberOf(random));
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return Number(BigInt.asUintN(32, numberOf(random)));
    default:
      return Number(BigInt.asIntN(32, numberOf(random)));
  }
}

/** Small ones more often: they are the ones that mean something. */
function numberOf(random: Random): bigint {
  return random.chance(0.5) ? BigInt(random.between(0, 20)) : random.pick(edgeNumbers);
}
