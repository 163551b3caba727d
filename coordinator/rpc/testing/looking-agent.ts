// An agent with a sign-in, attached to a real coordinator, that says of destinations what a test wants.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ExecutionContext } from 'ava';
import { ErrorReason } from '../../../gen/drover/v1/error_pb.ts';
import {
  AgentSessionService,
  type AttachRequestSchema,
} from '../../../gen/drover/v1/session_pb.ts';
import { AsyncQueue } from '../../../lib/async-queue.ts';
import type { RunningCoordinator } from './running-coordinator.ts';

type Frame = MessageInitShape<typeof AttachRequestSchema>;

const usable = { reason: ErrorReason.UNSPECIFIED, message: '' };

export interface LookingAgent {
  name: string;
  /** The destinations it was asked to look at. */
  asked: string[];
  /** What it says of each; undefined is no answer. */
  verdict: { reason: ErrorReason; message: string } | undefined;
  /** What it says of one destination, in place of its verdict; undefined is that it can be written to. */
  judge?: (destination: string) => { reason: ErrorReason; message: string } | undefined;
  leave: () => Promise<void>;
}

/** Attaches an agent that has a sign-in, and says of every destination what its verdict is. */
export async function attachLooking(
  t: ExecutionContext,
  running: RunningCoordinator,
): Promise<LookingAgent> {
  const { name, identity } = await running.join('online');
  const frames = new AsyncQueue<Frame>(100);
  const hello = { slots: 1, locationKinds: ['file', 'sharepoint'] };
  frames.push({ frame: { case: 'hello', value: hello } });
  const session = running.client(AgentSessionService, { token: '', identity });
  const answers = session.attach(frames)[Symbol.asyncIterator]();
  await answers.next();
  const agent: LookingAgent = { name, asked: [], verdict: usable, leave: async () => {} };
  const listen = async () => {
    for (let next = await answers.next(); next.done !== true; next = await answers.next()) {
      const { frame } = next.value;
      if (frame.case !== 'locationCheck') continue;
      agent.asked.push(frame.value.destination);
      const said =
        agent.judge === undefined
          ? agent.verdict
          : (agent.judge(frame.value.destination) ?? usable);
      if (said === undefined) continue;
      const { check } = frame.value;
      frames.push({ frame: { case: 'locationCheckDone', value: { check, ...said } } });
    }
  };
  const listening = listen().catch(() => undefined);
  agent.leave = () => {
    frames.end();
    return listening;
  };
  t.teardown(agent.leave);
  return agent;
}
