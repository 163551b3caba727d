// One resource as names and values, nested as the message is; a list of messages in it is a table.
import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { padToWidth } from '../../lib/format.ts';
import { formatCell } from './cell.ts';
import { spokenName } from './command-name.ts';
import { Table, type LeadingColumn } from './table.ts';

export interface RecordOptions {
  /** Columns of the terminal; undefined when nobody looks, and the width does not matter. */
  width: number | undefined;
  /** What is shown of the messages of a list, by their full name; of others, all that fits. */
  leading: Partial<Record<string, readonly LeadingColumn[]>>;
}

/** The lines of a resource. A response that only wraps one message is shown as that message. */
export function recordLines(type: DescMessage, message: Message, options: RecordOptions): string[] {
  const record = reflect(type, message);
  const [only, ...others] = type.fields;
  const wraps = only?.fieldKind === 'message' && others.length === 0 && record.isSet(only);
  return linesOf(wraps ? record.get(only) : record, '', options);
}

function linesOf(record: ReflectMessage, indent: string, options: RecordOptions): string[] {
  const shown = record.fields
    .map((field) => ({ field, label: spokenName(field.name), cell: formatCell(record, field) }))
    .filter(({ field, cell }) => (cell === undefined ? record.isSet(field) : cell !== ''));
  const width = shown.reduce((most, { label }) => Math.max(most, label.length), 0) + 2;
  return shown.flatMap(({ field, label, cell }) => {
    if (cell !== undefined) return [`${indent}${padToWidth(label, width)}${cell}`];
    if (field.fieldKind === 'message') {
      const inner = linesOf(record.get(field), `${indent}  `, options);
      return inner.length === 0 ? [] : [`${indent}${label}`, ...inner];
    }
    if (field.fieldKind !== 'list' || field.listKind !== 'message') return [];
    const rows = [...record.get(field)].map((row) => (row as ReflectMessage).message);
    return [`${indent}${label}`, ...tableLines(field, rows, `${indent}  `, options)];
  });
}

/** A repeated field of messages. */
type MessageList = Extract<DescField, { fieldKind: 'list'; listKind: 'message' }>;

function tableLines(
  { message }: MessageList,
  rows: readonly Message[],
  indent: string,
  options: RecordOptions,
): string[] {
  const width = options.width === undefined ? undefined : options.width - indent.length;
  const leading = options.leading[message.typeName] ?? [];
  const table = new Table(message, { columns: undefined, width, leading, isBrief: true });
  return table.lines(rows).map((line) => `${indent}${line}`);
}
