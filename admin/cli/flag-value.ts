// How the text after a flag becomes a value of a field. Values are kept as protojson, so that the
// one decoder of the protobuf library puts the whole request together.
import {
  getOption,
  ScalarType,
  type DescEnum,
  type DescField,
  type JsonValue,
} from '@bufbuild/protobuf';
import { answers_only, byte_count } from '../../gen/drover/v1/annotations_pb.ts';
import { kebabCase } from './command-name.ts';
import {
  parseBytes,
  parseDuration,
  parseFieldMask,
  parseTimestamp,
  splitList,
} from './flag-text.ts';

export interface ValueType {
  /** What stands for the value in the help, such as `duration`; empty for a switch. */
  placeholder: string;
  /** What a good value looks like, as the end of "It must be …". */
  expectation: string;
  /** All values there are, where there are only a few. */
  choices: readonly string[];
  /** Given without a value: it is on when it is given. */
  isSwitch: boolean;
  /** Can be the content of a file: `@FILE`, or `-` for standard input, is kept as it is until the file is read. */
  takesFile?: boolean;
  /** Can be given more than once, and with several values parted by commas. */
  isList: boolean;
  /** One value as protojson; undefined when the text is not a good one. */
  parse(text: string): JsonValue | undefined;
  /** All the values of a list as protojson of the field. */
  wrap(values: JsonValue[]): JsonValue;
}

type Single = Pick<ValueType, 'placeholder' | 'expectation' | 'parse' | 'takesFile'> & {
  choices?: string[];
};

/**
 * The value of a field; undefined for what has no text form (such as lists of messages): that needs
 * --request-json.
 */
export function describeValue(field: DescField): ValueType | undefined {
  switch (field.fieldKind) {
    case 'scalar':
      return single(scalarValue(field.scalar, getOption(field, byte_count)), field.scalar);
    case 'enum':
      return single(enumValue(field.enum));
    case 'message':
      return messageValue(field);
    case 'list':
      if (field.listKind === 'scalar') return list(scalarValue(field.scalar), identity);
      return field.listKind === 'enum' ? list(enumValue(field.enum), identity) : undefined;
    default:
      return undefined;
  }
}

function messageValue(field: DescField & { fieldKind: 'message' }): ValueType | undefined {
  const known = wellKnown[field.message.typeName];
  if (known !== undefined) return single(known);
  // A message that holds one list, to tell an empty list from an absent one, is shown as the list.
  const [only, ...others] = field.message.fields;
  if (only === undefined || others.length > 0 || only.fieldKind !== 'list') return undefined;
  const inner = describeValue(only);
  return inner && { ...inner, wrap: (values) => ({ [only.jsonName]: values }) };
}

const identity = (values: JsonValue[]): JsonValue => values;

function single(value: Single, scalar?: ScalarType): ValueType {
  const isSwitch = scalar === ScalarType.BOOL;
  return { choices: [], ...value, isSwitch, isList: false, wrap: (values) => values.at(-1)! };
}

function list(value: Single, wrap: ValueType['wrap']): ValueType {
  return { choices: [], ...value, isSwitch: false, isList: true, wrap };
}

/**
 * All the values in the text after one flag; undefined when one of them is not good. An empty text
 * is an empty list.
 */
export function parseFlagText(value: ValueType, text: string): JsonValue[] | undefined {
  const values = (value.isList ? splitList(text) : [text]).map((part) => value.parse(part));
  return values.includes(undefined) ? undefined : (values as JsonValue[]);
}

const wellKnown: Partial<Record<string, Single>> = {
  'google.protobuf.Duration': {
    placeholder: 'duration',
    expectation: 'a duration, such as 30s, 5m, 24h or 1h30m',
    parse: parseDuration,
  },
  'google.protobuf.Timestamp': {
    placeholder: 'time',
    expectation: 'a time in RFC 3339, such as 2026-01-31T14:00:00Z',
    parse: parseTimestamp,
  },
  'google.protobuf.FieldMask': {
    placeholder: 'fields',
    expectation: 'names of fields parted by commas, such as display_name,settings.max_attempts',
    parse: parseFieldMask,
  },
};

function enumValue(type: DescEnum): Single {
  const values = type.values.filter(
    (value) => value.number !== 0 && !getOption(value, answers_only),
  );
  const names = new Map(values.map((value) => [kebabCase(value.localName), value]));
  return {
    placeholder: kebabCase(type.name.replace(/^.*(?=[A-Z])/, '')),
    expectation: `one of ${[...names.keys()].join(', ')}`,
    choices: [...names.keys()],
    parse: (text) =>
      (names.get(kebabCase(text)) ?? values.find((value) => value.name === text))?.name,
  };
}

function scalarValue(type: ScalarType, isBytes = false): Single {
  switch (type) {
    case ScalarType.STRING:
      return { placeholder: 'text', expectation: 'a text', parse: (text) => text };
    case ScalarType.BOOL:
      return {
        placeholder: '',
        expectation: 'true or false',
        parse: (text) => (/^(true|false)$/.test(text) ? text === 'true' : undefined),
      };
    case ScalarType.BYTES:
      return {
        placeholder: '@file',
        expectation: 'a file as @FILE, standard input as -, bytes in hexadecimal, as they are shown, or in base64, as in JSON', // oxfmt-ignore
        takesFile: true,
        parse: (text) => (isFileValue(text) ? text : parseByteString(text)),
      };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return {
        placeholder: 'number',
        expectation: 'a number',
        parse: (text) =>
          text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined,
      };
    default:
      return isBytes ? byteCount : wholeNumber(type);
  }
}

/** Whether the text after a flag stands for the content of a file. */
export function isFileValue(text: JsonValue): text is string {
  return typeof text === 'string' && (text === '-' || /^@./s.test(text));
}

/** As protojson, which is base64. */
function parseByteString(text: string): string | undefined {
  if (/^([0-9a-f]{2})+$/.test(text)) return Buffer.from(text, 'hex').toString('base64');
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) ? text : undefined;
}

const byteCount: Single = {
  placeholder: 'bytes',
  expectation: 'an amount of bytes, such as 4096, 64KiB or 1.5GiB',
  parse: parseBytes,
};

function wholeNumber(type: ScalarType): Single {
  const bits = is64Bit(type) ? 64n : 32n;
  const [least, most] = isUnsigned(type)
    ? [0n, 2n ** bits - 1n]
    : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
  return {
    placeholder: 'number',
    expectation: `a whole number from ${least} to ${most}`,
    parse: (text) => {
      if (!/^-?\d{1,20}$/.test(text)) return undefined;
      const value = BigInt(text);
      return value >= least && value <= most ? String(value) : undefined;
    },
  };
}

function is64Bit(type: ScalarType): boolean {
  return [
    ScalarType.INT64,
    ScalarType.UINT64,
    ScalarType.SINT64,
    ScalarType.FIXED64,
    ScalarType.SFIXED64,
  ].includes(type);
}

function isUnsigned(type: ScalarType): boolean {
  return [ScalarType.UINT32, ScalarType.UINT64, ScalarType.FIXED32, ScalarType.FIXED64].includes(
    type,
  );
}
