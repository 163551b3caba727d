// One resource as names and values, nested as the message is.
import type { Message, DescMessage, Registry } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { escapeControl, padToWidth } from '../../lib/format.ts';
import { formatCell } from './cell.ts';
import { spokenName } from './command-name.ts';
import { jsonLine } from './json-view.ts';

/** The lines of a resource. A response that only wraps one message is shown as that message. */
export function recordLines(type: DescMessage, message: Message, registry: Registry): string[] {
  const record = reflect(type, message);
  const [only, ...others] = type.fields;
  const wraps = only?.fieldKind === 'message' && others.length === 0 && record.isSet(only);
  return linesOf(wraps ? record.get(only) : record, '', registry);
}

function linesOf(record: ReflectMessage, indent: string, registry: Registry): string[] {
  const shown = record.fields
    .map((field) => ({ field, label: spokenName(field.name), cell: formatCell(record, field) }))
    .filter(({ field, cell }) => (cell === undefined ? record.isSet(field) : cell !== ''));
  const width = shown.reduce((most, { label }) => Math.max(most, label.length), 0) + 2;
  return shown.flatMap(({ field, label, cell }) => {
    if (cell !== undefined) return [`${indent}${padToWidth(label, width)}${cell}`];
    if (field.fieldKind === 'message') {
      const inner = linesOf(record.get(field), `${indent}  `, registry);
      return inner.length === 0 ? [] : [`${indent}${label}`, ...inner];
    }
    if (field.fieldKind !== 'list' || field.listKind !== 'message') return [];
    const items = [...record.get(field)].map((item) => item as ReflectMessage);
    return [
      `${indent}${label}`,
      ...items.map(
        (item) => `${indent}  ${escapeControl(jsonLine(item.desc, item.message, registry))}`,
      ),
    ];
  });
}
