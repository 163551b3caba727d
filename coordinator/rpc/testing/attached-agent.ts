// An agent that is attached to a real coordinator, and does what a test says.
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  AgentSessionService,
  type AttachRequestSchema,
  type AttachResponse,
  type LeaseKey,
} from '../../../gen/drover/v1/session_pb.ts';
import { AsyncQueue } from '../../../lib/async-queue.ts';
import { knownSettings } from '../../../lib/known-settings.ts';
import type { RunningCoordinator } from './running-coordinator.ts';

type Frame = MessageInitShape<typeof AttachRequestSchema>;
type Identity = Awaited<ReturnType<RunningCoordinator['join']>>['identity'];
type Answer<C> = Extract<AttachResponse['frame'], { case: C }>['value'];

const hello = { version: '1.2.3', platform: 'linux/x64', slots: 2, locationKinds: ['file'], group: 'north', sourceRoots: ['/srv'], knownSettings: knownSettings() }; // oxfmt-ignore

/** Attaches an agent that reads everything, and leaves when the coordinator ends the session. */
export async function attach(
  running: RunningCoordinator,
  identity: Identity,
  { leases = [] }: { leases?: LeaseKey[] } = {},
) {
  const frames = new AsyncQueue<Frame>(100);
  frames.push({ frame: { case: 'hello', value: { ...hello, leases } } });
  const received = new AsyncQueue<AttachResponse>(100);
  const read = async () => {
    const session = running.client(AgentSessionService, { token: '', identity });
    for await (const answer of session.attach(frames)) received.push(answer);
  };
  const reading = read()
    .then(
      () => received.end(),
      (error: unknown) => received.end(error),
    ) // oxfmt-ignore
    .finally(() => frames.end());
  const answers = received[Symbol.asyncIterator]();
  /** The next frame of a kind; those before it are passed over. */
  const next = async <C extends NonNullable<AttachResponse['frame']['case']>>(kind: C) => {
    for (;;) {
      const answer = await answers.next();
      if (answer.done === true) throw new Error('the session has ended');
      if (answer.value.frame.case === kind) return answer.value.frame.value as Answer<C>;
    }
  };
  await next('welcome');
  const leave = () => {
    frames.end();
    return reading;
  };
  return { next, leave, send: (frame: NonNullable<Frame['frame']>) => frames.push({ frame }) };
}
