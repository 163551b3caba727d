import test from 'ava';
import { DroverError } from './error.ts';
import { formatInvitation, parseInvitation, type Invitation } from './invitation.ts';

const joinToken = `drover-join-${'0123456789abcdef'.repeat(4)}-${'A'.repeat(43)}`;

const invitations: Invitation[] = [
  { coordinators: [{ host: 'files.example', port: 7443 }], joinToken, group: undefined },
  { coordinators: [{ host: '::1', port: 1 }], joinToken, group: 'building-7' },
  {
    coordinators: [
      { host: '10.0.0.1', port: 7443 },
      { host: 'b.example', port: 65_535 },
    ],
    joinToken,
    group: 'A_b.c',
  },
];

for (const invitation of invitations)
  test(`an invitation is read as it was written: ${invitation.coordinators.length} ${invitation.group}`, (t) => {
    const text = formatInvitation(invitation);
    t.regex(text, /^drover:\/\/\S+$/);
    t.deepEqual(parseInvitation(` ${text}\n`), invitation);
  });

const bad: [why: string, text: string, message: RegExp][] = [
  ['nothing', '', /is not whole/],
  ['a join token alone', joinToken, /is not whole/],
  ['cut off after the address', 'drover://files.example:7443/', /is not whole/],
  ['cut off in the token', `drover://files.example:7443/${joinToken.slice(0, -1)}`, /join token is not whole/], // oxfmt-ignore
  ['without a port', `drover://files.example/${joinToken}`, /"files.example", which is no address/],
  ['port 0', `drover://files.example:0/${joinToken}`, /which is no address/],
  ['a port beyond the last', `drover://files.example:65536/${joinToken}`, /which is no address/],
  ['an empty address', `drover://a:1,/${joinToken}`, /"", which is no address/],
  ['too many addresses', `drover://${'a:1,'.repeat(16)}a:1/${joinToken}`, /more than 16/],
  ['a group that can be none', `drover://a:1/${joinToken}?group=${'x'.repeat(64)}`, /a group that can be none/], // oxfmt-ignore
  ['more than a group', `drover://a:1/${joinToken}?group=a&x=y`, /is not whole/],
  ['another scheme', `https://a:1/${joinToken}`, /is not whole/],
  ['a second line', `drover://a:1/${joinToken}\nrm -rf /`, /is not whole/],
];

for (const [why, text, message] of bad)
  test(`refused: ${why}`, (t) => {
    const error = t.throws(() => parseInvitation(text), { instanceOf: DroverError, message });
    t.false(error.message.includes('A'.repeat(40)), 'the secret is not in the message');
  });
