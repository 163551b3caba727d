import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { DroverError } from '../../lib/error.ts';
import { HostClient, type HostAnswer, type HostQuestion } from './host.ts';

const upload = { index: 7, url: 'https://open/', size: 1, modifiedNs: 2n, changedNs: 3n };

/** A main thread that answers each question as it is told to. */
function played(answer: (question: HostQuestion) => HostAnswer | undefined) {
  const { port1, port2 } = new MessageChannel();
  const questions: HostQuestion[] = [];
  port1.on('message', (question: HostQuestion) => {
    questions.push(question);
    const answered = answer(question);
    if (answered !== undefined) port1.postMessage(answered);
  });
  const client = new HostClient(port2);
  const close = () => {
    client[Symbol.dispose]();
    port1.close();
  };
  return { client, questions, port: port1, [Symbol.dispose]: close };
}

const idOf = (question: HostQuestion) => ('id' in question ? question.id : 0);

test('a token is asked for and answered, each question by its number', async (t) => {
  using host = played((question) => {
    const id = idOf(question);
    return { id, ok: true, token: `token ${id}`, expiresOnMs: id };
  });
  const answers = await Promise.all([host.client.token(false), host.client.token(true)]);
  t.deepEqual(
    answers.map(({ token }) => token),
    ['token 1', 'token 2'],
  );
  t.deepEqual(
    host.questions.map((question) => question.kind === 'token' && question.forceRefresh),
    [false, true],
  );
});

test('what is open is told as it is, and waited for', async (t) => {
  using host = played((question) => ({ id: idOf(question), ok: true }));
  await host.client.remember(7, upload);
  await host.client.remember(7, undefined);
  t.deepEqual(host.questions, [
    { kind: 'remember', id: 1, index: 7, upload },
    { kind: 'remember', id: 2, index: 7, upload: undefined },
  ]);
});

test('a failure crosses with its reason and its words', async (t) => {
  const reason = ErrorReason.SIGN_IN_FAILED;
  using host = played((question) => ({ id: idOf(question), ok: false, reason, message: 'no' }));
  const error = await t.throwsAsync(host.client.token(false), { instanceOf: DroverError });
  t.is(error.reason, reason);
  t.is(error.message, 'no');
});

test('an answer without a token is no token', async (t) => {
  using host = played((question) => ({ id: idOf(question), ok: true }));
  await t.throwsAsync(host.client.token(false), { instanceOf: TypeError });
});

test('log lines are told and not waited for', async (t) => {
  using host = played(() => undefined);
  host.client.log('info', 'throttled', { waitMs: 5 });
  await once(host.port, 'message');
  t.deepEqual(host.questions, [
    { kind: 'log', level: 'info', message: 'throttled', fields: { waitMs: 5 } },
  ]);
});

test('when the port closes, nobody waits for an answer any more', async (t) => {
  using host = played(() => undefined);
  const waiting = host.client.token(false);
  host.port.close();
  const cancelled = { instanceOf: DroverError, message: /has ended/ };
  await t.throwsAsync(waiting, cancelled);
  await t.throwsAsync(host.client.remember(7, upload), cancelled, 'nor is anything asked');
});
