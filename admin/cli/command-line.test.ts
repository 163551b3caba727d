import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import test from 'ava';
import { AgentService, JoinTokenService } from '../../gen/drover/v1/agent_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { ItemKind, ItemService, ItemState } from '../../gen/drover/v1/item_pb.ts';
import { SettingsService, type UpdateSettingsRequest } from '../../gen/drover/v1/settings_pb.ts';
import {
  TaskSchema,
  TaskService,
  TaskState,
  type CreateTaskRequest,
  type RunTaskRequest,
  type UpdateTaskRequest,
} from '../../gen/drover/v1/task_pb.ts';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { errorDomain, reasonInfo, reasonName } from '../../lib/error.ts';
import { startTestCoordinator } from './test-coordinator.ts';

const photos = create(TaskSchema, {
  name: 'tasks/photos',
  uid: '9f3c',
  displayName: 'Holiday\n\x1b[2Jphotos',
  source: '/srv/photos',
  destination: 'file:///mnt/photos',
  state: TaskState.SUCCEEDED_WITH_FAILURES,
  settings: { maxAttempts: 5, excludeExtensions: { values: ['tmp', 'bak'] } },
  etag: 'e1',
  priority: 5,
});

const photosView = `\
name          tasks/photos
uid           9f3c
display name  Holiday\\n\\x1b[2Jphotos
source        /srv/photos
destination   file:///mnt/photos
settings
  exclude extensions  tmp, bak
  max attempts        5
state         succeeded with failures
etag          e1
priority      5
`;

/** Answers with the request it got, so that a test can look at it. */
function capture<T>(seen: T[], answer: object = {}) {
  return (request: T) => {
    seen.push(request);
    return answer;
  };
}

function refusal(code: Code, reason: ErrorReason, message = 'no'): ConnectError {
  const info = { reason: reasonName(reason), domain: errorDomain, metadata: {} };
  return new ConnectError(message, code, undefined, [{ desc: ErrorInfoSchema, value: info }]);
}

test('create fills the request from flags, however deep their fields are', async (t) => {
  const seen: CreateTaskRequest[] = [];
  await using coordinator = await startTestCoordinator((router) =>
    router.service(TaskService, { createTask: capture(seen, { task: photos }) }),
  );
  const { status, stdout, stderr } = await coordinator.drover([
    ...['tasks', 'create', '--source', '/srv/photos', '--destination=file:///mnt/photos'],
    ...['--task-id', 'photos', '--no-migrate-hidden-items', '--max-attempts', '5'],
    ...['--exclude-extensions', 'tmp,bak', '--exclude-extensions', 'old', '--exclude-patterns='],
    ...['--agent-group', 'berlin', '--priority', '9', '--validate-only'],
    ...['--cron', '0 22 * * MON-FRI', '--time-zone', 'Europe/Berlin'],
  ]);
  t.deepEqual([status, stderr], [0, '']);
  const [request] = seen;
  t.is(request?.taskId, 'photos');
  t.true(request?.validateOnly);
  t.is(request?.task?.source, '/srv/photos');
  t.is(request?.task?.settings?.migrateHiddenItems, false);
  t.is(request?.task?.settings?.maxAttempts, 5);
  t.deepEqual(request?.task?.settings?.excludeExtensions?.values, ['tmp', 'bak', 'old']);
  t.deepEqual(request?.task?.settings?.excludePatterns?.values, []);
  t.deepEqual([request?.task?.agentGroup, request?.task?.priority], ['berlin', 9]);
  const { cron, timeZone } = request!.task!.schedule!;
  t.deepEqual([cron, timeZone], ['0 22 * * MON-FRI', 'Europe/Berlin']);
  t.is(stdout, photosView);
});

test('update changes what was given, clears what --update-mask names, and sends the etag', async (t) => {
  const seen: UpdateTaskRequest[] = [];
  const settings: UpdateSettingsRequest[] = [];
  await using coordinator = await startTestCoordinator((router) => {
    router.service(TaskService, { updateTask: capture(seen, { task: photos }) });
    router.service(SettingsService, { updateSettings: capture(settings) });
  });
  await coordinator.drover([
    ...['tasks', 'update', 'photos', '--max-attempts', '2', '--etag', 'e1'],
    ...['--update-mask', 'display_name'],
  ]);
  t.is(seen[0]?.task?.name, 'tasks/photos');
  t.is(seen[0]?.task?.etag, 'e1');
  t.deepEqual(seen[0]?.updateMask?.paths, ['display_name', 'settings.max_attempts']);
  await coordinator.drover(['settings', 'update', '--migrate-hidden-items']);
  t.deepEqual(settings[0]?.updateMask?.paths, ['defaults.migrate_hidden_items']);
  const nothing = await coordinator.drover(['tasks', 'update', 'photos']);
  t.is(nothing.status, 2);
  t.regex(nothing.stderr, /nothing to change/);
});

test('a whole request as JSON, from standard input', async (t) => {
  const seen: RunTaskRequest[] = [];
  await using coordinator = await startTestCoordinator((router) =>
    router.service(TaskService, { runTask: capture(seen) }),
  );
  const stdin = (async function* () {
    yield Buffer.from('{"name": "tasks/a", "scanOnly": true}');
  })();
  const words = ['tasks', 'run', '--request-json', '-'];
  t.is((await coordinator.drover(words, { stdin })).status, 0);
  t.deepEqual([seen[0]?.name, seen[0]?.scanOnly], ['tasks/a', true]);
  for (const text of ['{', '[]', '{"nome": 1}']) {
    const bad = (async function* () {
      yield text;
    })();
    const { status, stderr } = await coordinator.drover(words, { stdin: bad });
    t.is(status, 2, text);
    t.regex(stderr, /--request-json/);
  }
});

/** Serves `count` items in pages of what is asked for, and notes the sizes it was asked for. */
function manyItems(count: number, sizes: number[]) {
  return (router: ConnectRouter) =>
    router.service(ItemService, {
      listItems: ({ pageSize, pageToken }) => {
        sizes.push(pageSize);
        const start = Number(pageToken || 0);
        const end = Math.min(count, start + (pageSize || 100));
        const items = Array.from({ length: end - start }, (_, i) => ({
          path: `a/${start + i}`,
          kind: ItemKind.FILE,
          state: ItemState.FAILED,
          size: 1536n,
          reason: ErrorReason.SOURCE_ACCESS_DENIED,
        }));
        return { items, nextPageToken: end < count ? String(end) : '' };
      },
    });
}

test('a list shows all pages, or as many as asked for', async (t) => {
  const sizes: number[] = [];
  await using coordinator = await startTestCoordinator(manyItems(2500, sizes));
  const list = ['items', 'list', 'photos/1'];
  const all = await coordinator.drover(list);
  t.is(all.stdout.split('\n').length, 2502);
  t.deepEqual(all.stdout.split('\n').slice(0, 2), [
    'PATH   KIND  STATE      SIZE  REASON',
    'a/0    file  failed  1.5 KiB  source access denied',
  ]);
  t.deepEqual(sizes.splice(0), [1000, 1000, 1000]);

  const some = await coordinator.drover([...list, '--limit', '1200', '--columns', 'path,size']);
  t.is(some.stdout.split('\n').length, 1202);
  t.deepEqual(sizes.splice(0), [1000, 200]);

  const page = await coordinator.drover([...list, '--page-size', '10']);
  t.is(page.stdout.split('\n').length, 12);
  t.regex(page.stderr, /--page-token 10/);

  const json = await coordinator.drover([...list, '--output', 'json']);
  t.is(JSON.parse(json.stdout).items.length, 2500);
  const one = await coordinator.drover([...list, '--output', 'json', '--page-size', '10']);
  t.is(JSON.parse(one.stdout).nextPageToken, '10');

  const column = await coordinator.drover([...list, '--columns', 'colour']);
  t.deepEqual([column.status, column.stdout], [2, '']);
  t.regex(column.stderr, /"colour" is not one of path, kind/);
});

test('an empty list is nothing as a table, and an empty list as JSON', async (t) => {
  await using coordinator = await startTestCoordinator(manyItems(0, []));
  t.is((await coordinator.drover(['items', 'list', 'a/1'])).stdout, '');
  const { stdout } = await coordinator.drover(['items', 'list', 'a/1', '--output', 'json']);
  t.deepEqual(JSON.parse(stdout), { items: [] });
});

test('no name reaches the terminal with what could act on it', async (t) => {
  await using coordinator = await startTestCoordinator((router) =>
    router.service(TaskService, {
      getTask: () => ({ task: photos }),
      listTasks: () => ({ tasks: [photos] }),
      deleteTask: () => {
        throw refusal(Code.NotFound, ErrorReason.NOT_FOUND, 'there is no tasks/\x1b[31m');
      },
    }),
  );
  for (const words of [
    ['get', 'photos'],
    ['list'],
    ['list', '--output', 'json'],
    ['delete', 'x'],
  ]) {
    const { stdout, stderr } = await coordinator.drover(['tasks', ...words]);
    t.false((stdout + stderr).includes('\x1b'), words.join(' '));
    t.regex(stdout + stderr, /Holiday\\n|\\x1b/);
  }
  t.is((await coordinator.drover(['tasks', 'get', 'photos'])).stdout, photosView);
});

test('an answer that is no resource, and a stream', async (t) => {
  await using coordinator = await startTestCoordinator((router) => {
    router.service(JoinTokenService, {
      createJoinToken: ({ ttl, maxUses }) => {
        t.deepEqual([ttl?.seconds, maxUses], [1800n, 3]);
        return { token: 'drover-join-x', maxUses };
      },
    });
    router.service(AgentService, {
      async *watchAgents() {
        yield { agent: { name: 'agents/a', slots: 4 } };
        yield { agent: { name: 'agents/b', slots: 2 } };
      },
    });
  });
  const create = ['join-tokens', 'create', '--ttl', '30m', '--max-uses', '3'];
  t.is((await coordinator.drover(create)).stdout, 'token     drover-join-x\nmax uses  3\n');
  const table = await coordinator.drover(['agents', 'watch']);
  t.regex(table.stdout, /^NAME .* SLOTS  ATTENTION\nagents\/a .* 4\nagents\/b .* 2\n$/);
  const json = await coordinator.drover(['agents', 'watch', '--output', 'json']);
  const names = json.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).agent.name);
  t.deepEqual(names, ['agents/a', 'agents/b']);
});

const statuses: [code: Code, reason: ErrorReason, status: number][] = [
  [Code.InvalidArgument, ErrorReason.LOCATIONS_OVERLAP, 2],
  [Code.NotFound, ErrorReason.NOT_FOUND, 3],
  [Code.AlreadyExists, ErrorReason.ALREADY_EXISTS, 4],
  [Code.FailedPrecondition, ErrorReason.WRONG_STATE, 5],
  [Code.Aborted, ErrorReason.ETAG_MISMATCH, 5],
  [Code.Unauthenticated, ErrorReason.UNAUTHENTICATED, 6],
  [Code.PermissionDenied, ErrorReason.PERMISSION_DENIED, 6],
  [Code.Unavailable, ErrorReason.UNAVAILABLE, 7],
  [Code.ResourceExhausted, ErrorReason.LIMIT_EXCEEDED, 8],
  [Code.Internal, ErrorReason.INTERNAL, 70],
];
test('each reason has its exit status, and is said with its advice', async (t) => {
  let index = 0;
  await using coordinator = await startTestCoordinator((router) =>
    router.service(TaskService, {
      runTask: () => {
        const [code, reason] = statuses[index]!;
        throw refusal(code, reason, 'it is so');
      },
    }),
  );
  for (; index < statuses.length; index += 1) {
    const [, reason, expected] = statuses[index]!;
    const { status, stderr } = await coordinator.drover(['tasks', 'run', 'a']);
    t.is(status, expected, reasonName(reason));
    t.is(stderr, `drover: it is so (${reasonName(reason)})\n  ${reasonInfo(reason).advice}\n`);
  }
});

test('fields that are wrong are named; a reason from a newer coordinator falls back to the code', async (t) => {
  await using coordinator = await startTestCoordinator((router) =>
    router.service(TaskService, {
      getTask: () => {
        const violation = { field: 'name', description: 'has a space' };
        throw new ConnectError('bad request', Code.InvalidArgument, undefined, [
          { desc: ErrorInfoSchema, value: { reason: 'MOON_PHASE', domain: errorDomain } },
          { desc: BadRequestSchema, value: { fieldViolations: [violation] } },
        ]);
      },
    }),
  );
  const { status, stderr } = await coordinator.drover(['tasks', 'get', 'a b']);
  t.is(status, 2);
  t.regex(stderr, /bad request \(INVALID_ARGUMENT\)\n  name: has a space\n/);
});

test('only what is safe to repeat is repeated while the coordinator is unavailable', async (t) => {
  const calls = { get: 0, run: 0, watch: 0 };
  const unavailable = () => refusal(Code.Unavailable, ErrorReason.UNAVAILABLE);
  await using coordinator = await startTestCoordinator((router) => {
    router.service(TaskService, {
      getTask: () => {
        calls.get += 1;
        if (calls.get < 3) throw unavailable();
        return { task: photos };
      },
      runTask: () => {
        calls.run += 1;
        throw unavailable();
      },
    });
    router.service(AgentService, {
      async *watchAgents() {
        calls.watch += 1;
        yield { agent: { name: 'agents/a' } };
        if (calls.watch < 3) throw unavailable();
      },
    });
  });
  t.is((await coordinator.drover(['tasks', 'get', 'photos'])).status, 0);
  t.is((await coordinator.drover(['tasks', 'run', 'photos'])).status, 7);
  t.is((await coordinator.drover(['agents', 'watch'])).status, 0);
  t.deepEqual(calls, { get: 3, run: 1, watch: 3 });
});
