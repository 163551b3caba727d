import { create } from '@bufbuild/protobuf';
import test from 'ava';
import { AgentAvailability } from '../../gen/drover/v1/agent_pb.ts';
import { GoneDecision, RunSchema, RunState } from '../../gen/drover/v1/run_pb.ts';
import { parseLocation } from '../../lib/location.ts';
import type { Need } from './reach.ts';
import { waitingFor, type Waited } from './waiting-for.ts';

const source = '/srv/x';
const need = (more: Partial<Need> = {}): Need => ({ locationKinds: ['file', 'sharepoint'], group: '', source: parseLocation(source, ''), ...more }); // prettier-ignore

interface Given {
  group?: string;
  roots?: string[];
  kinds?: string[];
  draining?: boolean;
  availability?: AgentAvailability;
}

function agent(given: Given = {}): Waited {
  const { group = 'default', roots = [], kinds = ['file', 'sharepoint'], draining = false, availability = AgentAvailability.ENABLED } = given; // prettier-ignore
  const ability = {
    group,
    locationKinds: kinds,
    roots: roots.map((root) => parseLocation(root, '')),
  };
  return { ability, draining, availability, sourceRoots: roots };
}

const { DRAINING, DISABLED } = AgentAvailability;
const table: [sessions: Waited[], need: Need, words: string][] = [
  [[], need(), 'an agent: none is attached'],
  [[agent()], need({ group: 'north' }), 'an agent of the group "north": the attached ones are of "default"'], // prettier-ignore
  [[agent({ group: 'b' }), agent({ group: 'a' }), agent({ group: 'b' })], need({ group: 'north' }), 'an agent of the group "north": the attached ones are of "a" and "b"'], // prettier-ignore
  [['a', 'b', 'c', 'd', 'e', 'f'].map((group) => agent({ group })), need({ group: 'x' }), 'an agent of the group "x": the attached ones are of "a", "b", "c", "d" and 2 more'], // prettier-ignore
  [[agent({ kinds: ['file'] })], need(), 'an agent with a sign-in to a tenant: the attached ones serve folders only'], // prettier-ignore
  [[agent({ kinds: ['file'], group: 'x' }), agent()], need({ group: 'x' }), 'an agent with a sign-in to a tenant: the attached ones of the group "x" serve folders only'], // prettier-ignore
  [[agent()], need({ locationKinds: ['unc', 'sharepoint'], source: parseLocation('\\\\a\\b', '') }), 'an agent that can serve unc and sharepoint'], // prettier-ignore
  [[agent({ roots: ['/srv/y', '/data'] }), agent({ roots: ['/data'] })], need(), 'an agent that reaches /srv/x: the attached ones reach /data and /srv/y'], // prettier-ignore
  [[agent({ roots: ['/data'], group: 'x' }), agent()], need({ group: 'x' }), 'an agent that reaches /srv/x: the attached ones of the group "x" reach /data'], // prettier-ignore
  [[agent({ draining: true }), agent({ availability: DISABLED }), agent({ availability: DRAINING })], need(), 'an agent that takes work: all that could serve it are draining or disabled'], // prettier-ignore
  [[agent({ draining: true }), agent()], need(), 'a free slot: other runs have them all'],
];
for (const [sessions, asked, words] of table)
  test(`a run waits for ${words}`, (t) => {
    const run = create(RunSchema, { state: RunState.QUEUED });
    t.is(waitingFor(run, asked, source, sessions), words);
  });

test('a run that stands still waits for a person, whoever is attached', (t) => {
  const words = (state: RunState, goneDecision: GoneDecision = GoneDecision.UNSPECIFIED) =>
    waitingFor(create(RunSchema, { state, goneDecision }), need(), source, []);
  t.is(words(RunState.PAUSED), 'somebody to resume it');
  t.regex(words(RunState.PAUSED, GoneDecision.PENDING), /^a decision: recycle or keep/);
  t.is(words(RunState.CANCELLING), 'its agents to stop');
});
