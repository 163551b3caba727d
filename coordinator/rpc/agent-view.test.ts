import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { AgentRowSchema } from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentAvailability, AgentState } from '../../gen/drover/v1/agent_pb.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { viewAgent, type Presence } from './agent-view.ts';

const { ENABLED, DRAINING, DISABLED } = AgentAvailability;
const at = (ms: number | undefined) => (ms === undefined ? undefined : timestampFromMs(ms));

interface Case {
  what: string;
  availability?: AgentAvailability;
  /** When its availability changed, or it was seen to leave. */
  changedMs?: number;
  seenMs?: number;
  live?: { draining?: boolean; slotsUsed?: number; isAiling?: boolean };
  expected: [state: AgentState, sinceMs: number];
}

/** It joined at 100, and, where it is attached, is in what it does since 500. */
const cases: Case[] = [
  { what: 'it never came', expected: [AgentState.DISCONNECTED, 100] },
  { what: 'it left', changedMs: 300, seenMs: 300, expected: [AgentState.DISCONNECTED, 300] },
  { what: 'nobody saw it leave', changedMs: 300, seenMs: 450, expected: [AgentState.DISCONNECTED, 450] }, // oxfmt-ignore
  { what: 'nobody saw it leave for the first time', seenMs: 450, expected: [AgentState.DISCONNECTED, 450] }, // oxfmt-ignore
  { what: 'disabled while it was away', availability: DISABLED, changedMs: 400, seenMs: 300, expected: [AgentState.DISABLED, 400] }, // oxfmt-ignore
  { what: 'disabled, then away', availability: DISABLED, changedMs: 400, seenMs: 900, expected: [AgentState.DISABLED, 400] }, // oxfmt-ignore
  { what: 'disabled at work', availability: DISABLED, changedMs: 400, live: { slotsUsed: 1 }, expected: [AgentState.DISABLED, 400] }, // oxfmt-ignore
  { what: 'draining and away', availability: DRAINING, changedMs: 400, seenMs: 300, expected: [AgentState.DISCONNECTED, 400] }, // oxfmt-ignore
  { what: 'drained', availability: DRAINING, changedMs: 600, live: {}, expected: [AgentState.DRAINING, 600] }, // oxfmt-ignore
  { what: 'it drains by itself', live: { draining: true }, expected: [AgentState.DRAINING, 500] },
  { what: 'attached', live: {}, changedMs: 300, expected: [AgentState.ONLINE, 500] },
  { what: 'at work', live: { slotsUsed: 2 }, expected: [AgentState.BUSY, 500] },
  { what: 'at other work with a sign-in that is broken', live: { slotsUsed: 2, isAiling: true }, expected: [AgentState.NEEDS_ATTENTION, 500] }, // oxfmt-ignore
  { what: 'draining with a sign-in that is broken', live: { draining: true, isAiling: true }, expected: [AgentState.DRAINING, 500] }, // oxfmt-ignore
  { what: 'disabled with a sign-in that is broken', availability: DISABLED, changedMs: 400, live: { isAiling: true }, expected: [AgentState.DISABLED, 400] }, // oxfmt-ignore
  { what: 'enabled at work', availability: ENABLED, changedMs: 700, live: { slotsUsed: 2 }, expected: [AgentState.BUSY, 700] }, // oxfmt-ignore
];

test('the state of an agent and its time follow from its row and its presence', (t) => {
  for (const { what, availability = 0, changedMs, seenMs, live, expected } of cases) {
    const agent = { name: 'agents/a', createTime: at(100)!, availability };
    const row = create(AgentRowSchema, { agent });
    if (changedMs !== undefined) row.stateTime = at(changedMs)!;
    if (seenMs !== undefined) row.agent!.lastSeenTime = at(seenMs)!;
    const view = viewAgent(row, live && presence(live));
    t.deepEqual([view.state, timestampMs(view.stateTime!)], expected, what);
    t.is(view.availability, availability || ENABLED, what);
    t.deepEqual(view.unknownSettings, live === undefined ? [] : ['exclude_folders'], what);
    t.is(view.attentionMessage, live?.isAiling === true ? 'it has expired' : '', what);
  }
});

function presence({
  draining = false,
  slotsUsed = 0,
  isAiling = false,
}: NonNullable<Case['live']>): Presence {
  // oxfmt-ignore
  return {
    sinceMs: 500,
    live: {
      draining,
      slotsUsed,
      version: '1',
      platform: 'linux/x64',
      slots: 3,
      locationKinds: [],
      group: 'default',
      sourceRoots: [],
      unknownSettings: ['exclude_folders'],
      attention: isAiling ? { reason: ErrorReason.SIGN_IN_FAILED, message: 'it has expired', sources: [String.raw`\\files\hr`] } : undefined, // oxfmt-ignore
      itemsPerSecond: 0,
      bytesPerSecond: 0,
      attachTimeMs: 500,
      lastSeenTimeMs: 800,
    },
  };
}
