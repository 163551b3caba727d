import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { TaskService } from '../../gen/drover/v1/task_pb.ts';
import { startTestCoordinator } from './test-coordinator.ts';
import { runWords } from './test-command-line.ts';

const list = ['tasks', 'list'];

const startEmpty = () =>
  startTestCoordinator((router) => router.service(TaskService, { listTasks: () => ({}) }));

test('the coordinator is found by options, by the environment, or by its data folder', async (t) => {
  await using coordinator = await startEmpty();
  const { address, dataFolder } = coordinator;
  const authorityFile = path.join(dataFolder, 'authority.pem');
  const tokenFile = path.join(dataFolder, 'token');
  const options = [
    '--coordinator',
    address,
    '--authority-file',
    authorityFile,
    '--token-file',
    tokenFile,
  ];
  const environment = {
    DROVER_COORDINATOR: address,
    DROVER_AUTHORITY_FILE: authorityFile,
    DROVER_TOKEN_FILE: tokenFile,
  };
  t.is((await runWords([...list, ...options])).status, 0);
  t.is((await runWords(list, { environment })).status, 0);
  t.is((await runWords([...list, '--data', dataFolder])).status, 0);
  t.is((await runWords(list, { environment: { DROVER_DATA: dataFolder } })).status, 0);
  const wrong = { ...environment, DROVER_COORDINATOR: 'https://127.0.0.1:1' };
  t.is((await runWords([...list, ...options], { environment: wrong })).status, 0);
});

test('an address that was given is never shown the token of the coordinator here', async (t) => {
  await using coordinator = await startEmpty();
  const { address, dataFolder } = coordinator;
  const authorityFile = path.join(dataFolder, 'authority.pem');
  const words = [...list, '--coordinator', address, '--authority-file', authorityFile];
  const { status, stderr } = await coordinator.drover(words);
  t.is(status, 6);
  t.regex(stderr, /--token-file/);
});

test('what is missing or wrong is said by name, before any call', async (t) => {
  await using coordinator = await startEmpty();
  const { address, dataFolder } = coordinator;
  const empty = path.join(dataFolder, 'empty');
  mkdirSync(empty);
  writeFileSync(path.join(empty, 'token'), 'two words\n');
  const cases: [words: string[], message: RegExp][] = [
    [['--data', empty], /no coordinator's connection.json in .*empty; start the coordinator/],
    [['--coordinator', 'http://127.0.0.1:1'], /--coordinator: .* TLS only/],
    [['--coordinator', 'https://'], /--coordinator: "https:\/\/" is no address/],
    [
      ['--coordinator', address, '--token-file', '/nowhere'],
      /--token-file: cannot read \/nowhere: it does not exist/,
    ],
    [
      ['--coordinator', address, '--token-file', path.join(empty, 'token')],
      /does not hold a token/,
    ],
  ];
  for (const [words, message] of cases) {
    const { status, stdout, stderr } = await runWords([...list, ...words]);
    t.deepEqual([status, stdout], [2, '']);
    t.regex(stderr, message);
    t.notRegex(stderr, /at .*\.ts:\d/);
  }
});

test('a coordinator that cannot be reached, or is not the one that is trusted', async (t) => {
  await using coordinator = await startEmpty();
  await using other = await startEmpty();
  const foreign = ['--coordinator', other.address];
  const authority = ['--authority-file', path.join(coordinator.dataFolder, 'authority.pem')];
  const nothing = await runWords([...list, '--coordinator', 'https://127.0.0.1:1']);
  t.is(nothing.status, 7);
  t.regex(nothing.stderr, /cannot reach the coordinator at https:\/\/127.0.0.1:1: nothing listens/);
  const mismatch = await runWords([...list, ...foreign, ...authority]);
  t.is(mismatch.status, 5);
  t.regex(mismatch.stderr, /is not trusted: .*authority.pem.*\(COORDINATOR_MISMATCH\)/);
  const system = await runWords([...list, ...foreign]);
  t.is(system.status, 5);
  t.regex(system.stderr, /the authorities this machine trusts/);
});

test('something that is no coordinator at all', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {}).end('220 mail ready\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { status, stderr } = await runWords([...list, '--coordinator', address]);
    t.is(status, 7);
    t.regex(stderr, /^drover: .*127\.0\.0\.1/);
    t.notRegex(stderr, /at .*\.(ts|js):\d/);
    t.log(stderr);
  } finally {
    server.close();
  }
});
