// Carries out one command: asks the coordinator and shows the answer, as a table, a record or JSON.
// What is special to one method is in special-views.ts and nowhere else.
import type {
  DescField,
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  Message,
  Registry,
} from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { escapeControl } from '../../lib/format.ts';
import type { Clock } from '../../lib/time.ts';
import type { Caller } from './caller.ts';
import type { CommandSpec } from './command-tree.ts';
import { contentField, notesField } from './content-field.ts';
import { exitStatus } from './exit-status.ts';
import { jsonLine, jsonText } from './json-view.ts';
import type { Output } from './output.ts';
import { recordLines } from './record-view.ts';
import {
  answerStatuses,
  answerViews,
  callTimeoutsMs,
  leadingColumns,
  specialViews,
} from './special-views.ts';
import { Table } from './table.ts';
import { writeContent, type ContentTarget } from './write-content.ts';

export interface CommandContext {
  caller: Caller;
  clock: Clock;
  registry: Registry;
  stdout: Output;
  stderr: Output;
  format: 'table' | 'json';
  /** The columns of a table, as they were asked for. */
  columns: readonly string[] | undefined;
  /** The most resources to list; undefined for all. */
  limit: number | undefined;
  /** The request asks for one page, so only that one is shown. */
  onePage: boolean;
  /** Where the content of a file goes, for a method that answers with one. */
  target: ContentTarget;
}

/** Pages are fetched as large as the API gives them. */
const pageSizeMax = 1000;

/**
 * Calls the method and shows what it answers; resolves with the exit status. Throws a DroverError
 * when the call is refused.
 */
export async function runCommand(
  command: CommandSpec,
  request: Message,
  context: CommandContext,
): Promise<number> {
  const { method } = command;
  if (method.methodKind === 'server_streaming' && command.isContent)
    return runContent(method, request, context);
  if (method.methodKind === 'server_streaming') return runStream(method, request, context);
  if (command.pageItems !== undefined) return runList(method, command.pageItems, request, context);
  const name = `${method.parent.typeName}.${method.name}`;
  const response = await context.caller.unary(method, request, callTimeoutsMs[name]);
  const { stdout, registry } = context;
  const special = answerViews[name];
  if (context.format === 'json')
    await stdout.write(`${jsonText(method.output, response, registry)}\n`);
  else if (special !== undefined) await writeLines(stdout, special(response));
  else await writeLines(stdout, recordLines(method.output, response, { width: widthOf(stdout), leading: leadingColumns })); // oxfmt-ignore
  return answerStatuses[name]?.(response) ?? exitStatus.ok;
}

async function runList(
  method: DescMethodUnary<DescMessage, DescMessage>,
  itemsField: DescField,
  request: Message,
  context: CommandContext,
): Promise<number> {
  if (itemsField.fieldKind !== 'list' || itemsField.listKind !== 'message')
    return exitStatus.internal;
  const { stdout, stderr } = context;
  const view = listView(itemsField, context);
  let nextPageToken = '';
  for await (const page of pages(method, itemsField, request, context)) {
    nextPageToken = page.nextPageToken;
    await stdout.write(view.page(page.items));
  }
  await stdout.write(view.end(nextPageToken));
  if (context.onePage && nextPageToken !== '' && context.format === 'table')
    await stderr.write(`There is more: --page-token ${nextPageToken}\n`);
  return exitStatus.ok;
}

/** A repeated field of messages. */
type MessageList = Extract<DescField, { fieldKind: 'list'; listKind: 'message' }>;

interface Page {
  items: Message[];
  nextPageToken: string;
}

async function* pages(
  method: DescMethodUnary<DescMessage, DescMessage>,
  itemsField: MessageList,
  request: Message,
  context: CommandContext,
): AsyncGenerator<Page> {
  const asked = reflect(method.input, request);
  const pageSize = method.input.field['pageSize'];
  let left = context.limit ?? Infinity;
  for (;;) {
    if (!context.onePage && pageSize !== undefined)
      asked.set(pageSize, Math.min(pageSizeMax, left));
    const answer = reflect(method.output, await context.caller.unary(method, request));
    const all = [...answer.get(itemsField)].map((item) => (item as { message: Message }).message);
    const items = all.slice(0, left);
    const nextPageToken = answer.get(method.output.field['nextPageToken']!) as string;
    left -= items.length;
    yield { items, nextPageToken };
    if (context.onePage || nextPageToken === '' || left <= 0) return;
    asked.set(method.input.field['pageToken']!, nextPageToken);
  }
}

/** Makes text of pages, one after the other. */
interface ListView {
  page(items: readonly Message[]): string;
  end(nextPageToken: string): string;
}

function listView(field: MessageList, context: CommandContext): ListView {
  if (context.format === 'table') {
    const table = tableOf(field.message, context);
    return { page: (items) => joinLines(table.lines(items)), end: () => '' };
  }
  let separator = `{"${field.jsonName}": [`;
  return {
    page: (items) => {
      let text = '';
      for (const item of items) {
        text += `${separator}\n  ${jsonLine(field.message, item, context.registry)}`;
        separator = ',';
      }
      return text;
    },
    end: (nextPageToken) => {
      const start = separator === ',' ? '\n' : separator;
      const token = context.onePage ? `, "nextPageToken": ${JSON.stringify(nextPageToken)}` : '';
      return `${start}]${token}}\n`;
    },
  };
}

async function runStream(
  method: DescMethodServerStreaming<DescMessage, DescMessage>,
  request: Message,
  context: CommandContext,
): Promise<number> {
  const special = specialViews[`${method.parent.typeName}.${method.name}`]?.(context);
  const { stdout, registry } = context;
  const [only, ...others] = method.output.fields;
  const wrapped = only?.fieldKind === 'message' && others.length === 0 ? only : undefined;
  const table = tableOf(wrapped?.message ?? method.output, context);
  for await (const message of context.caller.stream(method, request)) {
    if (context.format === 'json')
      await stdout.write(`${jsonLine(method.output, message, registry)}\n`);
    await special?.next(message);
    if (context.format === 'json' || special !== undefined) continue;
    const row =
      wrapped === undefined ? message : reflect(method.output, message).get(wrapped).message;
    await stdout.write(joinLines(table.lines([row])));
  }
  return (await special?.end()) ?? exitStatus.ok;
}

async function runContent(
  method: DescMethodServerStreaming<DescMessage, DescMessage>,
  request: Message,
  { caller, target, stdout, stderr }: CommandContext,
): Promise<number> {
  const field = contentField(method)!;
  const notes = notesField(method);
  const told: string[] = [];
  const chunks = async function* () {
    for await (const message of caller.stream(method, request)) {
      const piece = reflect(method.output, message);
      if (notes !== undefined) told.push(...(piece.get(notes) as Iterable<string>));
      yield piece.get(field) as Uint8Array;
    }
  };
  await writeContent(chunks(), target, stdout);
  await writeLines(
    stderr,
    told.map((note) => `drover: ${escapeControl(note)}`),
  );
  return exitStatus.ok;
}

function tableOf(resource: DescMessage, context: CommandContext): Table {
  const { stdout, columns } = context;
  const leading = leadingColumns[resource.typeName] ?? [];
  return new Table(resource, { columns, width: widthOf(stdout), leading });
}

function widthOf({ isTerminal, columns }: Output): number | undefined {
  return isTerminal ? columns : undefined;
}

async function writeLines(output: Output, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await output.write(joinLines(lines));
}

function joinLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
