// One value of a field as a person reads it, on one line.
import { getOption, ScalarType, type DescField, type Message } from '@bufbuild/protobuf';
import type { ReflectList, ReflectMessage } from '@bufbuild/protobuf/reflect';
import {
  FeatureSet_FieldPresence,
  durationMs,
  timestampMs,
  type Duration,
  type FieldMask,
  type Timestamp,
} from '@bufbuild/protobuf/wkt';
import { byte_count } from '../../gen/drover/v1/annotations_pb.ts';
import { escapeControl, formatBytes, formatDuration } from '../../lib/format.ts';

/**
 * The value of a field; undefined when there is none, or the field is a message that takes more
 * than a line.
 */
export function formatCell(message: ReflectMessage, field: DescField): string | undefined {
  if (!message.isSet(field))
    return isCount(field) ? formatScalar(message.get(field), field) : undefined;
  const value = message.get(field);
  switch (field.fieldKind) {
    case 'scalar':
      return formatScalar(value, field);
    case 'enum':
      return formatEnum(value, field.enum);
    case 'message':
      return formatMessage(value as ReflectMessage);
    case 'list':
      return formatList(value as ReflectList, field);
    default:
      return undefined;
  }
}

/** Whether the values of a field can stand in the cell of a table. */
export function fitsCell(field: DescField): boolean {
  switch (field.fieldKind) {
    case 'scalar':
    case 'enum':
      return true;
    case 'list':
      return field.listKind !== 'message';
    case 'message':
      return field.message.typeName in wellKnown || listIn(field) !== undefined;
    default:
      return false;
  }
}

/** Whether the values of a field are numbers, which are aligned to the right. */
export function isNumeric(field: DescField): boolean {
  return field.fieldKind === 'scalar' && !textTypes.has(field.scalar);
}

/** The only field of a message that holds nothing but a list; it is shown as the list. */
function listIn(field: DescField & { fieldKind: 'message' }): DescField | undefined {
  const [only, ...others] = field.message.fields;
  return others.length === 0 && only?.fieldKind === 'list' && only.listKind !== 'message'
    ? only
    : undefined;
}

const textTypes = new Set([ScalarType.STRING, ScalarType.BYTES, ScalarType.BOOL]);

/** A number or switch that has no absent state: its zero says something. */
function isCount(field: DescField): boolean {
  const isNumber =
    isNumeric(field) || (field.fieldKind === 'scalar' && field.scalar === ScalarType.BOOL);
  return (
    isNumber && field.presence === FeatureSet_FieldPresence.IMPLICIT && field.oneof === undefined
  );
}

function formatScalar(value: unknown, field: DescField): string {
  if (value instanceof Uint8Array) return value.toHex();
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (getOption(field, byte_count)) return formatBytes(value as bigint);
  if (typeof value === 'number' && !Number.isInteger(value)) return value.toFixed(1);
  return escapeControl(String(value));
}

function formatEnum(value: unknown, type: (DescField & { fieldKind: 'enum' })['enum']): string {
  const name = type.value[value as number]?.localName;
  return name === undefined ? String(value) : name.toLowerCase().replaceAll('_', ' ');
}

const wellKnown: Record<string, (message: Message) => string> = {
  'google.protobuf.Timestamp': (message) => formatTime(message as Timestamp),
  'google.protobuf.Duration': (message) => formatDuration(durationMs(message as Duration)),
  'google.protobuf.FieldMask': (message) => (message as FieldMask).paths.join(', '),
};

function formatMessage(value: ReflectMessage): string | undefined {
  const known = wellKnown[value.desc.typeName];
  if (known !== undefined) return known(value.message);
  const [only, ...others] = value.desc.fields;
  if (only?.fieldKind !== 'list' || only.listKind === 'message' || others.length > 0)
    return undefined;
  return formatList(value.get(only), only) || 'none';
}

function formatList(list: ReflectList, field: DescField): string | undefined {
  if (field.fieldKind !== 'list' || field.listKind === 'message') return undefined;
  const { listKind } = field;
  return [...list]
    .map((value) =>
      listKind === 'enum' ? formatEnum(value, field.enum) : escapeControl(String(value)),
    )
    .join(', ');
}

/** `2026-01-31 14:00:05` in the zone of this machine. */
export function formatTime(timestamp: Timestamp): string {
  const time = new Date(timestampMs(timestamp));
  const date = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(twoDigits).join('-');
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join(':')}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
