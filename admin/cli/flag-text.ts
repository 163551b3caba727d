// Texts that a person writes for a duration, a time, an amount of bytes, a field mask or a list, as
// protojson. Each parser answers undefined to what it does not understand; who called it knows the
// flag and says what would be good.
import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf';
import { protoCamelCase } from '@bufbuild/protobuf/reflect';
import { durationFromMs, DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';

/** The longest duration that the protobuf type can hold: 10,000 years. */
const durationMsMax = 315_576_000_000_000;

const unitsMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30s`, `1.5h`, `1h30m`, `500ms`, `2d` -> `30s` and so on, as seconds. */
export function parseDuration(text: string): JsonValue | undefined {
  if (!/^(?:0|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)$/.test(text)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    totalMs += Number(amount) * unitsMs[unit!]!;
  if (totalMs > durationMsMax) return undefined;
  return toJson(DurationSchema, durationFromMs(Math.round(totalMs)));
}

/** A time in RFC 3339, as it is. */
export function parseTimestamp(text: string): JsonValue | undefined {
  try {
    fromJson(TimestampSchema, text);
    return text;
  } catch {
    return undefined;
  }
}

/** `display_name,settings.max_attempts` in the camel case that protojson has for it. */
export function parseFieldMask(text: string): JsonValue | undefined {
  const paths = text.split(',').map((path) => path.trim());
  if (!paths.every((path) => /^(\*|[a-zA-Z][a-zA-Z0-9_]*(\.[a-zA-Z][a-zA-Z0-9_]*)*)$/.test(path)))
    return undefined;
  return maskOf(paths);
}

/** A field mask of these paths as protojson. */
export function maskOf(paths: readonly string[]): string {
  return paths.map((path) => path.split('.').map(protoCamelCase).join('.')).join(',');
}

const byteUnits = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

/** `4096`, `64KiB`, `1.5 GiB` (powers of 1024), `64KB` (powers of 1000) -> the number of bytes. */
export function parseBytes(text: string): JsonValue | undefined {
  const [, amount, prefix, binary] =
    /^(\d{1,20}(?:\.\d{1,6})?) ?(?:([KMGTPE]?)(i?)B)?$/i.exec(text.trim()) ?? [];
  if (amount === undefined) return undefined;
  const power = BigInt(byteUnits.indexOf((prefix ?? '').toUpperCase()));
  const unit = (binary === undefined || binary === '' ? 1000n : 1024n) ** power;
  const [whole = '0', fraction = ''] = amount.split('.');
  if (fraction !== '' && power === 0n) return undefined;
  const parts = BigInt(fraction.padEnd(6, '0')) * unit;
  const value = BigInt(whole) * unit + parts / 1_000_000n;
  return value < 2n ** 63n ? String(value) : undefined;
}

/**
 * The values of a list, parted by commas. A comma within braces parts nothing, because patterns
 * such as `*.{bak,tmp}` have some; neither does one after a backslash. An empty text has no values.
 */
export function splitList(text: string): string[] {
  if (text === '') return [];
  const values = [''];
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i]!;
    if (character === '\\' && text[i + 1] === ',') {
      values.push(`${values.pop()},`);
      i += 1;
    } else if (character === ',' && depth === 0) {
      values.push('');
    } else {
      if (character === '{') depth += 1;
      if (character === '}') depth = Math.max(0, depth - 1);
      values.push(values.pop() + character);
    }
  }
  return values;
}
