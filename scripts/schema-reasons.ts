// The error reasons of the schema as a table for people: what each means, whether it is tried again, and what to do. PURE.
import {
  createFileRegistry,
  getOption,
  toJson,
  type DescEnumValue,
  type DescExtension,
} from '@bufbuild/protobuf';
import type { FileDescriptorSet } from '@bufbuild/protobuf/wkt';

const reasonEnum = 'drover.v1.ErrorReason';
const annotation = 'drover.v1.reason_info';

/** Where the table stands in a document; oxfmt would part its columns anew with each change. */
const marks = {
  begin: '<!-- oxfmt-ignore-start -->\n<!-- generated from proto/drover/v1/error.proto -->\n',
  end: '<!-- end of what is generated -->\n<!-- oxfmt-ignore-end -->\n',
};

/** The numbers of error.proto part the reasons by what they are about; a group begins with its number. */
const groups = [
  { from: 1, title: 'Calls, agents and the coordinator' },
  { from: 100, title: 'Reading the source' },
  { from: 200, title: 'Writing to the destination' },
];

const retryWords: Record<string, string> = {
  RETRY_POLICY_NEVER: 'no',
  RETRY_POLICY_AUTOMATIC: 'yes, by itself',
  RETRY_POLICY_AFTER_REFRESH: 'after reading it anew',
};

/** The annotation of a reason, as JSON has it. */
interface ReasonInfo {
  retry?: string;
  advice?: string;
  migrationManagerCodes?: string[];
}

/**
 * The document with the table of all reasons in the place of the one it has. `comments` are those of the schema, by full name. Throws
 * Error when the document has no place for it, or a reason lacks what is shown of it.
 */
export function withReasons(
  document: string,
  image: FileDescriptorSet,
  comments: ReadonlyMap<string, string>,
): string {
  const begin = document.indexOf(marks.begin);
  const end = document.indexOf(marks.end);
  if (begin < 0 || end < begin) throw new Error('the document has no place for the error reasons');
  const head = document.slice(0, begin + marks.begin.length);
  return `${head}\n${reasonTables(image, comments)}\n${document.slice(end)}`;
}

function reasonTables(image: FileDescriptorSet, comments: ReadonlyMap<string, string>): string {
  // Looked up in the schema itself: the generated code of the annotation may be older than that, or missing.
  const registry = createFileRegistry(image);
  const [reasons, extension] = [registry.getEnum(reasonEnum), registry.getExtension(annotation)];
  if (reasons === undefined || extension === undefined)
    throw new Error(`the schema has no ${reasonEnum}, or no ${annotation}`);
  const rows = reasons.values
    .filter(({ number }) => number > 0)
    .toSorted((one, other) => one.number - other.number)
    .map((value) => {
      const info = infoOf(value, extension);
      const cause = comments.get(`${reasonEnum}.${value.name}`);
      const retry = retryWords[info.retry ?? ''];
      const { advice, migrationManagerCodes = [] } = info;
      if (cause === undefined || retry === undefined || advice === undefined)
        throw new Error(`${value.name} needs a comment, advice and whether it is retried`);
      const code = `\`${value.name.replace('ERROR_REASON_', '')}\``;
      const codes = migrationManagerCodes.map((one) => `\`${one}\``).join(' ');
      return {
        number: value.number,
        cells: [code, cause, retry, advice, codes],
      };
    });
  return groups
    .map(({ from, title }, index) => {
      const to = groups[index + 1]?.from ?? Infinity;
      const own = rows.filter(({ number }) => number >= from && number < to);
      return `### ${title}\n\n${table(own.map(({ cells }) => cells))}`;
    })
    .join('\n');
}

function infoOf(value: DescEnumValue, extension: DescExtension): ReasonInfo {
  if (extension.fieldKind !== 'message') return {};
  return toJson(extension.message, getOption(value, extension) as never) as ReasonInfo;
}

function table(rows: string[][]): string {
  const titles = ['Code', 'What happened', 'Tried again?', 'What to do', 'Migration Manager'];
  const lines = [titles, titles.map(() => '---'), ...rows.map((row) => row.map(cell))];
  return lines.map((line) => `| ${line.join(' | ')} |\n`).join('');
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
