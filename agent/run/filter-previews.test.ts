// Filters tried by an agent: the real threads on real folders, and threads that do what the test says.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import test, { type ExecutionContext } from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { FilterPreviewState } from '../../gen/drover/v1/filter_pb.ts';
import {
  FilterPreviewStartSchema,
  type AttachRequest,
  type FilterPreviewProgress,
} from '../../gen/drover/v1/session_pb.ts';
import { systemClock, type Clock } from '../../lib/time.ts';
import { isStopped } from '../pool/jobs.ts';
import { createPool } from '../pool/piscina-pool.ts';
import type { Pool } from '../pool/pool.ts';
import { FilterPreviews } from './filter-previews.ts';
import { PlayedPool } from './played-pool.ts';
import { compileSourceRoots } from './source-roots.ts';

function tree(t: ExecutionContext): string {
  const root = mkdtempSync(path.join(tmpdir(), 'drover-preview-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  for (const file of ['a/1.tmp', 'a/2.txt', 'b/c/3.txt', 'b/4.TMP', 'old/5.txt']) {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(root, file), 'four');
  }
  writeFileSync(path.join(root, 'list.txt'), 'a/\nnone\n');
  return root;
}

interface Scene {
  previews: FilterPreviews;
  said: FilterPreviewProgress[];
  start: (start: MessageInitShape<typeof FilterPreviewStartSchema>) => Promise<void>;
}

function scene(pool: Pool, sourceRoots: string[] = [], clock: Clock = systemClock): Scene {
  const previews = new FilterPreviews({ pool, clock, sourceRoots, mayRead: compileSourceRoots(sourceRoots) }); // oxfmt-ignore
  const said: FilterPreviewProgress[] = [];
  const send = ({ frame }: AttachRequest) => {
    if (frame.case === 'filterPreviewProgress') said.push(frame.value);
  };
  const start: Scene['start'] = (init) =>
    previews.start(create(FilterPreviewStartSchema, { preview: 'p', samplesMax: 2, itemsMax: 1000n, ...init }), send); // oxfmt-ignore
  return { previews, said, start };
}

test('counts and samples of each rule, and of what stays', async (t) => {
  const source = tree(t);
  await using pool = createPool({ threads: 1 });
  const { said, start } = scene(pool);
  const settings = { excludeExtensions: { values: ['tmp'] }, excludeFolders: { values: ['old'] } };
  await start({ source, settings });
  t.is(said[0]!.found!.state, FilterPreviewState.RUNNING, 'it answers at once');
  const found = said.at(-1)!.found!;
  t.is(found.state, FilterPreviewState.COMPLETE);
  t.deepEqual(
    found.rules.map(({ rule, items, bytes, samples }) => [rule, items, bytes, samples]),
    [
      ['exclude_extensions: tmp', 2n, 8n, ['a/1.tmp', 'b/4.TMP']],
      ['exclude_folders: old', 1n, 0n, ['old']],
    ],
  );
  t.deepEqual([found.scannedItems, found.keptFiles, found.keptFolders], [9n, 3n, 3n]);
  t.deepEqual(found.keptSamples, ['a/2.txt', 'b/c/3.txt']);
  await start({ source, itemsMax: 3n });
  const limited = said.at(-1)!.found!;
  t.is(limited.state, FilterPreviewState.LIMITED);
  t.is(limited.scannedItems, 3n);
  await start({ source, settings: { manifest: path.join(source, 'list.txt') } });
  const listed = said.at(-1)!.found!;
  t.deepEqual([listed.keptFiles, listed.unfitItems, listed.unfitSamples], [2n, 1n, ['none']]);
});

test('what cannot be looked at is told of in words', async (t) => {
  const source = tree(t);
  await using pool = createPool({ threads: 1 });
  const { said, start } = scene(pool, [source]);
  await start({ source: path.join(source, 'none') });
  t.is(said.at(-1)!.reason, ErrorReason.SOURCE_NOT_FOUND);
  await start({ source: tmpdir() });
  t.is(said.at(-1)!.reason, ErrorReason.SOURCE_ACCESS_DENIED);
  await start({ source, settings: { modifiedAfter: 'x' } });
  t.is(said.at(-1)!.reason, ErrorReason.INVALID_ARGUMENT);
  await start({ source, settings: { manifest: '/etc/hostname' } });
  t.regex(said.at(-1)!.message, /lies outside what the agent may read/);
});

test('a preview that nobody wants any more stops and says nothing, and a second one waits for no thread', async (t) => {
  const pool = new PlayedPool(1);
  const { previews, said, start } = scene(pool);
  const first = start({ source: '/srv/a' });
  await start({ preview: 'q', source: '/srv/a' });
  t.is(said.at(-1)!.preview, 'q');
  t.is(said.at(-1)!.reason, ErrorReason.UNAVAILABLE);
  const { job, answer } = await pool.job('preview');
  previews.stop('other');
  t.false(isStopped(job.shared));
  previews.stop('p');
  t.true(isStopped(job.shared));
  const before = said.length;
  answer({ kind: 'stopped' });
  await first;
  t.is(said.length, before);
});

test('a preview for which there is no thread ends with words', async (t) => {
  let tick = () => {};
  const after: Clock['after'] = (_ms, callback) => {
    tick = callback;
    return () => {};
  };
  const { said, start } = scene(new PlayedPool(1), [], { ...systemClock, after });
  const ended = start({ source: '/srv/a' });
  for (let seconds = 0; seconds < 60; seconds += 1) tick();
  await ended;
  t.is(said.at(-1)!.reason, ErrorReason.UNAVAILABLE);
  t.regex(said.at(-1)!.message, /all its threads have other work/);
  t.true(said.length > 50, 'it says every second that it is there');
});
