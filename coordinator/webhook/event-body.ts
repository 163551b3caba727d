// The body of an event: JSON with its type, when it happened, and the thing that it is about as the API shows it.
import { toJson } from '@bufbuild/protobuf';
import type { RunRow } from '../../gen/drover/store/v1/rows_pb.ts';
import { AgentSchema, type Agent } from '../../gen/drover/v1/agent_pb.ts';
import { RunSchema } from '../../gen/drover/v1/run_pb.ts';
import { viewRun } from '../rpc/run-view.ts';
import { agentType, runType, testType } from './event-types.ts';

/** Something that webhooks are told. */
export interface NewEvent {
  type: string;
  /** Milliseconds since 1970. */
  timeMs: number;
  body: string;
}

/** A run came into the state that it is in. */
export function runEvent(row: RunRow, timeMs: number): NewEvent {
  const run = viewRun(row, undefined, undefined);
  return newEvent(runType(run.state), timeMs, { run: toJson(RunSchema, run) });
}

/** Something happened to an agent; `type` is that of the state it is in when absent. */
export function agentEvent(agent: Agent, timeMs: number, type = agentType(agent.state)): NewEvent {
  return newEvent(type, timeMs, { agent: toJson(AgentSchema, agent) });
}

/** Somebody wants to see whether an event arrives. */
export function testEvent(webhook: string, timeMs: number): NewEvent {
  return newEvent(testType, timeMs, { webhook });
}

function newEvent(type: string, timeMs: number, data: object): NewEvent {
  const timestamp = new Date(timeMs).toISOString();
  return { type, timeMs, body: JSON.stringify({ type, timestamp, data }) };
}
