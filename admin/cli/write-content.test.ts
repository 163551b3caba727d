import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'; // oxfmt-ignore
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, createFileRegistry, type DescFile, type DescMessage, type DescMethodServerStreaming, type Message } from '@bufbuild/protobuf'; // oxfmt-ignore
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptions_IdempotencyLevel,
} from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import test, { type ExecutionContext } from 'ava';
import type { CommandLineOptions } from './command-line.ts';
import type { Output } from './output.ts';
import { startTestCoordinator } from './test-coordinator.ts';

const content = Buffer.from('\uFEFFname\r\n"na\u001b[2Jïve, 日本"\r\n');

/** A method of no API of ours, which streams bytes. */
function syntheticApi(): DescFile {
  const { BYTES } = FieldDescriptorProto_Type;
  const { OPTIONAL: label } = FieldDescriptorProto_Label;
  const options = { idempotencyLevel: MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS };
  const proto = create(FileDescriptorProtoSchema, {
    name: 'fleece.proto',
    package: 'farm',
    syntax: 'proto3',
    messageType: [
      { name: 'GetFleeceRequest' },
      { name: 'GetFleeceResponse', field: [{ name: 'chunk', jsonName: 'chunk', number: 1, type: BYTES, label }] }, // oxfmt-ignore
    ],
    service: [
      {
        name: 'FleeceService',
        method: [{ name: 'GetFleece', inputType: '.farm.GetFleeceRequest', outputType: '.farm.GetFleeceResponse', serverStreaming: true, options }], // oxfmt-ignore
      },
    ],
  });
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [proto] })).getFile('fleece.proto')!; // oxfmt-ignore
}

type Part = Uint8Array | ConnectError;
type Parts = (ended: AbortSignal) => Iterable<Part> | AsyncIterable<Part>;

/** The method answers with `parts`, one after the other; an error among them ends it. */
async function start(t: ExecutionContext, parts: Parts) {
  const file = syntheticApi();
  const method = file.services[0]!.methods[0] as DescMethodServerStreaming<DescMessage, DescMessage>; // oxfmt-ignore
  const coordinator = await startTestCoordinator((router) =>
    router.rpc(method, async function* (_request: Message, { signal }) {
      for await (const part of parts(signal)) {
        if (part instanceof ConnectError) throw part;
        yield create(method.output, { chunk: part } as Record<string, unknown>);
      }
    }),
  );
  t.teardown(() => coordinator[Symbol.asyncDispose]());
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-content-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const drover = (words: string[], more: Partial<CommandLineOptions> = {}) =>
    coordinator.drover(['fleeces', 'get', ...words], { files: [file], ...more });
  return { drover, folder, at: (name: string) => path.join(folder, name) };
}

const chunks = () => [content.subarray(0, 9), content.subarray(9, 19), content.subarray(19)];

test('what a method streams as bytes is written as it is, to standard output or to a file', async (t) => {
  const { drover, folder, at } = await start(t, chunks);
  const whole = await start(t, () => [content]);
  t.is((await whole.drover([])).stdout, content.toString());
  t.is((await whole.drover(['--output', '-'])).stdout, content.toString());
  const written = await drover(['--output', at('a.csv')]);
  t.deepEqual(written, { status: 0, stdout: '', stderr: '' });
  t.deepEqual(readFileSync(at('a.csv')), content);
  t.deepEqual(readdirSync(folder), ['a.csv']);
});

test('on a terminal nothing of it acts', async (t) => {
  const { drover } = await start(t, chunks);
  let screen = '';
  const stdout: Output = {
    isTerminal: true,
    columns: 80,
    write: async (text: string) => void (screen += text),
  };
  t.is((await drover([], { stdout })).status, 0);
  t.is(screen, 'name\n"na\\x1b[2Jïve, 日本"\n');
});

test('a file is replaced only with --force, and what is no file never', async (t) => {
  const { drover, folder, at } = await start(t, chunks);
  writeFileSync(at('a.csv'), 'mine');
  symlinkSync('a.csv', at('link.csv'));
  const refused = await drover(['--output', at('a.csv')]);
  t.is(refused.status, 2);
  t.regex(refused.stderr, /^drover: --output: .*a\.csv exists; add --force to replace it\n/);
  for (const [file, words] of [
    [at('link.csv'), /exists; add --force/],
    [folder, /is not a file/],
    ['/dev/null', /is not a file/],
    [at('no/such'), /there is no folder/],
    ['json', /write \.\/json for a file of that name/],
    ['', /names no file/],
  ] as const) {
    const force = file === at('link.csv') ? [] : ['--force'];
    const { status, stderr } = await drover([`--output=${file}`, ...force]);
    t.is(status, 2, file);
    t.regex(stderr, words);
  }
  t.is(readFileSync(at('a.csv'), 'utf8'), 'mine');
  t.is((await drover(['--output', at('link.csv'), '--force'])).status, 0);
  t.deepEqual(readFileSync(at('a.csv')), content);
  t.deepEqual(readdirSync(folder), ['a.csv', 'link.csv']);
});

test('a stream that breaks leaves no file, keeps the one before, and is not begun again', async (t) => {
  let calls = 0;
  const broken = new ConnectError('gone', Code.Unavailable);
  const { drover, folder, at } = await start(t, () => {
    calls += 1;
    return [content, broken];
  });
  writeFileSync(at('old.csv'), 'old');
  for (const words of [['--output', at('new.csv')], ['--output', at('old.csv'), '--force'], []]) {
    const { status, stderr } = await drover(words);
    t.is(status, 7);
    t.regex(stderr, /gone/);
  }
  t.is(calls, 3);
  t.deepEqual(readdirSync(folder), ['old.csv']);
  t.is(readFileSync(at('old.csv'), 'utf8'), 'old');
});

test('while nothing has come, a call is repeated that found nobody', async (t) => {
  let calls = 0;
  const { drover, at } = await start(t, () => {
    calls += 1;
    return calls === 1 ? [new ConnectError('not yet', Code.Unavailable)] : [content];
  });
  t.is((await drover(['--output', at('a.csv')])).status, 0);
  t.deepEqual(readFileSync(at('a.csv')), content);
});

test('who interrupts is left no half file', async (t) => {
  const interrupt = new AbortController();
  const { drover, folder, at } = await start(t, async function* (ended) {
    yield content;
    interrupt.abort();
    await new Promise((resolve) => ended.addEventListener('abort', resolve));
  });
  const { signal } = interrupt;
  t.like(await drover(['--output', at('a.csv')], { signal }), { status: 130, stderr: '' });
  t.deepEqual(readdirSync(folder), []);
});

test('the help and the completion know that --output is a file here', async (t) => {
  const { drover } = await start(t, chunks);
  const { stdout } = await drover(['--help']);
  t.regex(stdout, /--output <file> +The file to write, in place of standard output\./);
  t.notRegex(stdout, /--output <format>|--columns/);
});
