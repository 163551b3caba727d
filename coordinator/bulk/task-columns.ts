// The columns of Drover's own CSV, made from the schema of a task: whatever field a task gets, it is there by itself. PURE.
// Values go through protojson, so that times, enums and numbers have one form, and messages can be told from absent ones.
import {
  fromJson,
  ScalarType,
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
} from '@bufbuild/protobuf';
import { TaskSchema } from '../../gen/drover/v1/task_pb.ts';
import { readList, writeList } from './cell-text.ts';

/** A column of a field of a task. */
export interface TaskColumn {
  /** Such as `settings.max_attempts`. */
  name: string;
  /** The keys that lead to the value in the task's protojson. */
  path: readonly string[];
  value: ColumnValue;
}

/** How a value is a text, and the other way round. */
interface ColumnValue {
  /** What a good text is, as the end of "must be …". */
  expectation: string;
  /** The text of a value that is there. */
  write: (json: JsonValue) => string;
  /** Undefined when the text is not a good one. */
  read: (text: string) => JsonValue | undefined;
}

/** How deep messages are opened up; what lies deeper is a cell of JSON. */
const depthMax = 3;

/** The columns of all fields but these, which are names of fields of the task. */
export function taskColumns(leftOut: readonly string[]): TaskColumn[] {
  const wanted = TaskSchema.fields.filter(({ name }) => !leftOut.includes(name));
  return wanted.flatMap((field) => columnsOf(field, [], []));
}

function columnsOf(field: DescField, names: string[], path: string[]): TaskColumn[] {
  const [nextNames, nextPath] = [
    [...names, field.name],
    [...path, field.jsonName],
  ];
  if (isOpened(field, nextPath.length))
    return field.message.fields.flatMap((inner) => columnsOf(inner, nextNames, nextPath));
  return [{ name: nextNames.join('.'), path: nextPath, value: valueOf(field) }];
}

function isOpened(field: DescField, depth: number): field is DescField & { fieldKind: 'message' } {
  if (field.fieldKind !== 'message' || depth >= depthMax) return false;
  return !isWellKnown(field.message) && listIn(field.message) === undefined;
}

function isWellKnown({ typeName }: DescMessage): boolean {
  return typeName.startsWith('google.protobuf.');
}

type ListField = DescField & { fieldKind: 'list' };

/** The list of a message that holds nothing else, so that an empty list can be told from an absent one. */
function listIn({ fields }: DescMessage): ListField | undefined {
  const [only, ...others] = fields;
  return others.length === 0 && only?.fieldKind === 'list' ? only : undefined;
}

function valueOf(field: DescField): ColumnValue {
  switch (field.fieldKind) {
    case 'scalar':
      return scalarValue(field.scalar);
    case 'enum':
      return enumValue(field.enum);
    case 'list':
      return listValue(field) ?? jsonText;
    case 'message': {
      if (isWellKnown(field.message)) return wellKnown(field.message);
      const list = listIn(field.message);
      const values = list && listValue(list);
      return list === undefined || values === undefined ? jsonText : wrapped(values, list.jsonName);
    }
    default:
      return jsonText;
  }
}

/** Values of a list in one cell; undefined where a value has no text. */
function listValue(field: ListField): ColumnValue | undefined {
  if (field.listKind === 'message') return undefined;
  const one = field.listKind === 'enum' ? enumValue(field.enum) : scalarValue(field.scalar);
  return {
    expectation: `a list parted by semicolons, each ${one.expectation}`,
    write: (json) => writeList((json as JsonValue[]).map((value) => one.write(value))),
    read: (text) => {
      const values = readList(text)?.map((value) => one.read(value));
      return values?.includes(undefined) ? undefined : (values as JsonValue[] | undefined);
    },
  };
}

/** The list of a message of its own. Of an empty one protojson has no key. */
function wrapped(list: ColumnValue, key: string): ColumnValue {
  return {
    expectation: list.expectation,
    write: (json) => list.write((json as JsonObject)[key] ?? []),
    read: (text) => {
      const values = list.read(text);
      return values === undefined ? undefined : { [key]: values };
    },
  };
}

const text: ColumnValue = { expectation: 'a text', write: String, read: (given) => given };

/** Times and durations, of which protojson is a text. */
function wellKnown(message: DescMessage): ColumnValue {
  return {
    expectation: 'a time in RFC 3339, such as 2026-01-31T14:00:00Z, or a duration in seconds, such as 30s', // oxfmt-ignore
    write: String,
    read: (given) => {
      try {
        fromJson(message, given.trim());
        return given.trim();
      } catch {
        return undefined;
      }
    },
  };
}

const jsonText: ColumnValue = {
  expectation: 'JSON',
  write: (json) => JSON.stringify(json),
  read: (given) => {
    try {
      return JSON.parse(given) as JsonValue;
    } catch {
      return undefined;
    }
  },
};

function scalarValue(type: ScalarType): ColumnValue {
  if (type === ScalarType.STRING || type === ScalarType.BYTES) return text;
  // A spreadsheet writes TRUE.
  if (type === ScalarType.BOOL)
    return {
      expectation: 'true or false',
      write: String,
      read: (given) => ({ true: true, false: false })[given.trim().toLowerCase()],
    };
  const isFraction = type === ScalarType.DOUBLE || type === ScalarType.FLOAT;
  const pattern = isFraction ? /^-?\d+(\.\d+)?$/ : /^-?\d{1,20}$/;
  return {
    expectation: isFraction ? 'a number' : 'a whole number',
    write: String,
    read: (given) => (pattern.test(given.trim()) ? given.trim() : undefined),
  };
}

function enumValue(type: DescEnum): ColumnValue {
  const known = type.values.filter(({ number }) => number !== 0);
  return {
    expectation: `one of ${known.map(({ localName }) => localName).join(', ')}`,
    // What a newer version wrote has a number and no name.
    write: (json) =>
      type.values.find(({ name }) => name === json)?.localName ?? JSON.stringify(json),
    read: (given) => {
      const wanted = given.trim().toUpperCase().replaceAll('-', '_');
      return type.values.find(({ localName, name }) => localName === wanted || name === wanted)
        ?.name;
    },
  };
}
