import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import { GoneDecision, RunSchema, RunState } from '../../gen/drover/v1/run_pb.ts';
import { AttentionSchema } from '../../gen/drover/v1/session_pb.ts';
import { parseLocation } from '../../lib/location.ts';
import type { Need } from './reach.ts';
import { waitingFor, type Waited } from './waiting-for.ts';

const source = '/srv/x';
const ends = { source, destination: 'file:///to' };
const need = (more: Partial<Need> = {}): Need => ({ locationKinds: ['file', 'sharepoint'], group: '', source: parseLocation(source, ''), ...more }); // oxfmt-ignore

interface Given {
  group?: string;
  roots?: string[];
  kinds?: string[];
  name?: string;
  /** The words of what is wrong with its sign-in. */
  ailing?: string;
  /** The sources that this is about; without, everything for a tenant. */
  refused?: string[];
  draining?: boolean;
  availability?: AgentAvailability;
  hasRoom?: boolean;
}

function agent(given: Given = {}): Waited {
  const { group = 'default', roots = [], kinds = ['file', 'sharepoint'], draining = false, availability = AgentAvailability.ENABLED, name = 'a', ailing, refused = [], hasRoom = false } = given; // oxfmt-ignore
  const offered = {
    group,
    locationKinds: kinds,
    roots: roots.map((root) => parseLocation(root, '')),
  };
  const attention = ailing === undefined ? undefined : create(AttentionSchema, { message: ailing, locationKinds: [refused.length > 0 ? 'file' : 'sharepoint'], sources: refused }); // oxfmt-ignore
  return {
    agent: name,
    version: '0.0.9',
    offered,
    attention,
    draining,
    availability,
    sourceRoots: roots,
    hasRoom,
  };
}

const { DRAINING, DISABLED } = AgentAvailability;
const table: [sessions: Waited[], need: Need, words: string][] = [
  [[], need(), 'an agent: none is attached'],
  [[agent()], need({ group: 'north' }), 'an agent of the group "north": the attached ones are of "default"'], // oxfmt-ignore
  [[agent({ group: 'b' }), agent({ group: 'a' }), agent({ group: 'b' })], need({ group: 'north' }), 'an agent of the group "north": the attached ones are of "a" and "b"'], // oxfmt-ignore
  [['a', 'b', 'c', 'd', 'e', 'f'].map((group) => agent({ group })), need({ group: 'x' }), 'an agent of the group "x": the attached ones are of "a", "b", "c", "d" and 2 more'], // oxfmt-ignore
  [[agent({ kinds: ['file'] })], need(), 'an agent with a sign-in to a tenant: the attached ones serve folders only'], // oxfmt-ignore
  [[agent({ kinds: ['file'], group: 'x' }), agent()], need({ group: 'x' }), 'an agent with a sign-in to a tenant: the attached ones of the group "x" serve folders only'], // oxfmt-ignore
  [[agent()], need({ locationKinds: ['unc', 'sharepoint'], source: parseLocation('\\\\a\\b', '') }), 'an agent that can serve unc and sharepoint'], // oxfmt-ignore
  [[agent({ roots: ['/srv/y', '/data'] }), agent({ roots: ['/data'] })], need(), 'an agent that reaches /srv/x: the attached ones reach /data and /srv/y'], // oxfmt-ignore
  [[agent({ roots: ['/data'], group: 'x' }), agent()], need({ group: 'x' }), 'an agent that reaches /srv/x: the attached ones of the group "x" reach /data'], // oxfmt-ignore
  [[agent({ draining: true }), agent({ availability: DISABLED }), agent({ availability: DRAINING })], need(), 'an agent that takes work: all that could serve it are draining or disabled'], // oxfmt-ignore
  [[agent({ ailing: 'it has expired' })], need(), 'agents/a needs attention: it has expired'],
  [[agent({ ailing: 'it has expired' }), agent({ draining: true }), agent({ kinds: ['file'] })], need(), 'agents/a needs attention: it has expired'], // oxfmt-ignore
  [[agent({ name: 'b', ailing: 'gone' }), agent({ name: 'a', ailing: 'late' })], need(), 'agents/a needs attention (and so does 1 other): late'], // oxfmt-ignore
  [['a', 'b', 'c'].map((name) => agent({ name, ailing: 'late' })), need(), 'agents/a needs attention (and so do 2 others): late'], // oxfmt-ignore
  [[agent({ ailing: 'late' }), agent()], need(), 'a free slot: other runs have them all'],
  [[agent({ ailing: 'late' })], need({ locationKinds: ['file'] }), 'a free slot: other runs have them all'], // oxfmt-ignore
  [[agent({ ailing: 'late', draining: true })], need(), 'an agent that takes work: all that could serve it are draining or disabled'], // oxfmt-ignore
  [[agent({ ailing: '/srv is refused', refused: ['/srv'] })], need(), 'agents/a needs attention to read /srv/x: /srv is refused'], // oxfmt-ignore
  [[agent({ ailing: '/to is away', refused: ['/to'] })], need({ destination: parseLocation('/to', 'destination') }), 'agents/a needs attention to write to file:///to: /to is away'], // oxfmt-ignore
  [[agent({ ailing: '/srv/y is refused', refused: ['/srv/y'] })], need(), 'a free slot: other runs have them all'], // oxfmt-ignore
  [[agent({ draining: true }), agent()], need(), 'a free slot: other runs have them all'],
  [[agent({ ailing: 'late', hasRoom: true }), agent()], need(), 'a free slot: other runs have them all'], // oxfmt-ignore
  [[agent(), agent({ hasRoom: true })], need(), ''],
];
for (const [index, [sessions, asked, words]] of table.entries())
  test(`${index}: a run waits for ${words}`, (t) => {
    const run = create(RunSchema, { state: RunState.QUEUED });
    t.is(waitingFor(run, asked, ends, sessions), words);
  });

test('a run that stands still waits for a person, whoever is attached', (t) => {
  const words = (state: RunState, goneDecision: GoneDecision = GoneDecision.UNSPECIFIED) =>
    waitingFor(create(RunSchema, { state, goneDecision }), need(), ends, []);
  t.is(words(RunState.PAUSED), 'somebody to resume it');
  t.regex(words(RunState.PAUSED, GoneDecision.PENDING), /^a decision: recycle or keep/);
  t.is(words(RunState.CANCELLING), 'its agents to stop');
});
