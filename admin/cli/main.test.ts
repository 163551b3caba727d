// The command line as a process: what only a process has, such as its exit status, signals, and a reader that goes away.
import { spawn } from 'node:child_process';
import path from 'node:path';
import test from 'ava';
import { AgentService } from '../../gen/drover/v1/agent_pb.ts';
import { compileCacheVariable } from '../../lib/compile-cache-variable.ts';
import { version } from '../../lib/version.ts';
import { startTestCoordinator, type TestCoordinator } from './test-coordinator.ts';

const program = path.join(import.meta.dirname, 'main.ts');

function start(coordinator: TestCoordinator | undefined, words: string[]) {
  const own = coordinator === undefined ? {} : { DROVER_DATA: coordinator.dataFolder };
  const env = { ...compileCacheVariable(), ...own };
  const child = spawn(process.execPath, [program, ...words], { env });
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (texts.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (texts.stderr += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, texts, ended };
}

test('the program says its version and ends with the status of what went wrong', async (t) => {
  const good = start(undefined, ['--version']);
  t.is(await good.ended, 0);
  t.is(good.texts.stdout, `${version}\n`);
  const bad = start(undefined, ['tasks', 'list', '--coordinator', 'http://x']);
  t.is(await bad.ended, 2);
  t.regex(bad.texts.stderr, /^drover: --coordinator/);
});

test('SIGINT ends a watch with status 130 and without a word', async (t) => {
  await using coordinator = await startTestCoordinator((router) =>
    router.service(AgentService, {
      async *watchAgents(_request, context) {
        yield { agent: { name: 'agents/a' } };
        await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      },
    }),
  );
  const { child, texts, ended } = start(coordinator, ['agents', 'watch']);
  child.stdout.once('data', () => child.kill('SIGINT'));
  t.is(await ended, 130);
  t.is(texts.stderr, '');
});

test('a reader that has enough is no error', async (t) => {
  let pages = 0;
  await using coordinator = await startTestCoordinator((router) =>
    router.service(AgentService, {
      listAgents: () => {
        pages += 1;
        const agents = Array.from({ length: 1000 }, () => ({ name: `agents/${'a'.repeat(60)}` }));
        return { agents, nextPageToken: 'more' };
      },
    }),
  );
  const { child, texts, ended } = start(coordinator, ['agents', 'list']);
  child.stdout.once('data', () => child.stdout.destroy());
  t.is(await ended, 0);
  t.is(texts.stderr, '');
  t.true(pages < 100);
});
