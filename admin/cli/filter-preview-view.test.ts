import { create, type MessageInitShape } from '@bufbuild/protobuf';
import test from 'ava';
import { FilterPreviewState, FilterService, PreviewFiltersResponseSchema } from '../../gen/drover/v1/filter_pb.ts'; // oxfmt-ignore
import type { Output } from './output.ts';
import { startTestCoordinator } from './test-coordinator.ts';

type Step = MessageInitShape<typeof PreviewFiltersResponseSchema>;

const steps: Step[] = [
  { preview: { state: FilterPreviewState.RUNNING, scannedItems: 1n } },
  {
    preview: {
      state: FilterPreviewState.COMPLETE,
      agent: 'agents/one',
      scannedItems: 1234n,
      keptFiles: 3n,
      keptBytes: 2048n,
      rules: [
        { rule: 'min_size', items: 1n },
        { rule: 'exclude_extensions: tmp', items: 7n, bytes: 1024n, samples: ['a.tmp', 'b\x1b[31m.tmp'] }, // oxfmt-ignore
      ],
    },
  },
];

const coordinatorWith = (excluded: string[][]) =>
  startTestCoordinator((router) =>
    router.service(FilterService, {
      async *previewFilters({ source, settings }) {
        excluded.push([source, ...(settings?.excludeExtensions?.values ?? [])]);
        for (const one of steps) yield create(PreviewFiltersResponseSchema, one);
      },
    }),
  );

const words = ['filters', 'preview', '--source', '/srv/share', '--exclude-extensions', 'tmp,bak'];

test('what was found is shown once, with what leaves out the most first', async (t) => {
  const asked: string[][] = [];
  await using coordinator = await coordinatorWith(asked);
  const { status, stdout } = await coordinator.drover(words);
  t.is(status, 0);
  t.deepEqual(asked, [['/srv/share', 'tmp', 'bak']]);
  t.regex(stdout, /^state +complete\n/);
  t.true(stdout.indexOf('exclude_extensions: tmp') < stdout.indexOf('min_size'));
  t.regex(stdout, /exclude_extensions: tmp +7 +1\.0 KiB +a\.tmp/);
  t.false(stdout.includes('\x1b'));
});

test('as JSON every message is a line', async (t) => {
  await using coordinator = await coordinatorWith([]);
  const { stdout } = await coordinator.drover([...words, '--output', 'json']);
  const lines = stdout.trim().split('\n').map((line) => JSON.parse(line) as { preview: { state: string } }); // oxfmt-ignore
  t.deepEqual(lines.map(({ preview }) => preview.state), ['FILTER_PREVIEW_STATE_RUNNING', 'FILTER_PREVIEW_STATE_COMPLETE']); // oxfmt-ignore
});

test('a terminal sees how far it is, in one line that is drawn over', async (t) => {
  await using coordinator = await coordinatorWith([]);
  let text = '';
  const stdout: Output = {
    isTerminal: true,
    columns: 60,
    write: (more) => {
      text += String(more);
      return Promise.resolve();
    },
  };
  await coordinator.drover(words, { stdout });
  t.true(text.startsWith('Looking: 1 items, 0 files stay (0 B)\n\x1b[1A\r\x1b[J'));
  t.true(text.includes('\x1b[1A\r\x1b[Jstate'));
});
