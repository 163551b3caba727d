import test from 'ava';
import { accountFor, everyShare, isSharePattern, isWindowsUser, shareOf } from './share-pattern.ts';

const raw = String.raw;
const rule = (pattern: string) => ({ pattern, account: { user: pattern, password: '' } });

const fits: [share: string, patterns: string[], chosen: string | undefined][] = [
  [raw`\\files\hr`, [], undefined],
  [raw`\\files\hr`, [raw`\\other\hr`, raw`\\files\hr2`, raw`\\files\h`], undefined],
  [raw`\\files\hr`, [everyShare], everyShare],
  [raw`\\files\hr`, [everyShare, raw`\\files\*`, raw`\\f*\hr`], raw`\\files\*`],
  [raw`\\files\hr`, [raw`\\files\*`, raw`\\files\hr`], raw`\\files\hr`],
  [raw`\\files\hr`, [raw`\\FILES\HR`], raw`\\FILES\HR`],
  [raw`\\files\hr`, [raw`\\files\h?`, raw`\\files\*`], raw`\\files\h?`],
  [raw`\\files.contoso.com\hr`, [raw`\\*.contoso.com\*`], raw`\\*.contoso.com\*`],
  [raw`\\files\c$`, [raw`\\files\*$`], raw`\\files\*$`],
  [raw`\\files\old (1)`, [raw`\\files\old (1)`], raw`\\files\old (1)`],
  [raw`\\files\.hidden`, [raw`\\files\*`], raw`\\files\*`],
  [raw`\\10.0.0.1\a`, [raw`\\10.0.0.{1,2}\*`], raw`\\10.0.0.{1,2}\*`],
];
for (const [share, patterns, chosen] of fits)
  test(`${share} among ${patterns.join(' ') || 'none'}`, (t) => {
    t.is(accountFor(share, patterns.map(rule))?.user, chosen);
    t.is(accountFor(share, patterns.toReversed().map(rule))?.user, chosen);
  });

for (const pattern of [
  everyShare,
  raw`\\files\hr`,
  raw`\\files\*`,
  raw`\\f?les.contoso.com\old data$`,
])
  test(`${pattern} is a pattern`, (t) => t.true(isSharePattern(pattern)));
for (const pattern of [
  '',
  raw`\\files`,
  raw`\\files\ `.trim(),
  raw`\\files\hr\sub`,
  '//files/hr',
  raw`\files\hr`,
  raw`C:\data`,
  raw`\\ files\hr`,
  `\\\\f\\${'x'.repeat(600)}`,
])
  test(`${pattern.slice(0, 40)} is no pattern`, (t) => t.false(isSharePattern(pattern)));

for (const user of [
  raw`CONTOSO\reader`,
  raw`.\local`,
  'reader@contoso.com',
  raw`CON-1.x\Jörg Müller`,
])
  test(`${user} is a user`, (t) => t.true(isWindowsUser(user)));
for (const user of [
  'reader',
  '',
  raw`CONTOSO\ `.trim(),
  raw`\reader`,
  'a@b@c',
  'a b@c',
  raw`A\b\c`,
  raw`A\b*`,
])
  test(`"${user}" is no user`, (t) => t.false(isWindowsUser(user)));

test('a share is told apart as Windows does', (t) => {
  t.is(shareOf({ kind: 'unc', server: 'Files', share: 'HR', path: 'x' }), raw`\\files\hr`);
});
