import test from 'ava';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { startTestCoordinator } from './test-coordinator.ts';
import { runWords } from './test-command-line.ts';

async function complete(...words: string[]): Promise<string[]> {
  const { stdout } = await runWords(['__complete', ...words]);
  return stdout.split('\n').filter((line) => line !== '');
}

test('groups, commands, flags and values', async (t) => {
  t.deepEqual(await complete('ta'), ['tasks']);
  t.deepEqual(await complete(''), [
    'access-tokens',
    'agents',
    'audit',
    'callers',
    'filters',
    'items',
    'join-tokens',
    'reports',
    'runs',
    'settings',
    'tasks',
    'webhooks',
    'login',
    'logout',
    'whoami',
    'completion',
    'help',
  ]);
  t.deepEqual(await complete('tasks', 're'), ['resume']);
  t.deepEqual(await complete('tasks', 'create', '--ex'), [
    '--exclude-extensions',
    '--exclude-patterns',
    '--exclude-folders',
  ]);
  t.deepEqual(await complete('tasks', 'update', 'x', '--no-migrate-'), [
    '--no-migrate-hidden-items',
    '--no-migrate-system-items',
    '--no-migrate-items-with-invalid-names',
  ]);
  t.deepEqual(await complete('items', 'list', '--state', 's'), ['succeeded', 'skipped']);
  t.deepEqual(await complete('--output', 'json', 'tasks', 'ru'), ['run']);
  t.deepEqual(await complete('tasks', 'list', '--output', ''), ['table', 'json']);
  t.deepEqual(await complete('tasks', 'list', '--token-file', '/x'), [':files']);
  t.deepEqual(await complete('completion', ''), ['bash', 'zsh']);
  t.deepEqual(await complete('nonsense', ''), []);
});

test('bash parts a flag and its value at the equals sign', async (t) => {
  t.deepEqual(await complete('items', 'list', '--state', '='), [
    'pending',
    'succeeded',
    'skipped',
    'failed',
  ]);
  t.deepEqual(await complete('items', 'list', '--state', '=', 'f'), ['failed']);
});

test('zsh leaves them in one word', async (t) => {
  t.deepEqual(await complete('items', 'list', '--state=s'), [
    '--state=succeeded',
    '--state=skipped',
  ]);
  t.deepEqual(await complete('tasks', 'list', '--data=/x'), []);
});

test('names of tasks come from the coordinator; without one there are none', async (t) => {
  await using coordinator = await startTestCoordinator((router) =>
    router.service(TaskService, {
      listTasks: () => ({ tasks: [{ name: 'tasks/photos' }, { name: 'tasks/music' }] }),
    }),
  );
  const { stdout } = await coordinator.drover(['__complete', 'tasks', 'run', '']);
  t.is(stdout, 'tasks/photos\ntasks/music\n');
  const short = await coordinator.drover(['__complete', 'tasks', 'run', 'ph']);
  t.is(short.stdout, 'photos\n');
  const runOrTask = await coordinator.drover(['__complete', 'runs', 'get-readiness', 'tasks/m']);
  t.is(runOrTask.stdout, 'tasks/music\n');
  const environment = { DROVER_COORDINATOR: 'https://127.0.0.1:1' };
  const { status, stdout: none } = await runWords(['__complete', 'tasks', 'run', ''], {
    environment,
  });
  t.deepEqual([status, none], [0, '']);
});
