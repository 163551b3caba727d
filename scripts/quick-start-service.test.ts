// Only the emulator's own tenant is emulated, and only where nobody signs in.
import test from 'ava';
import { chooseService, waitsForPerson } from './quick-start-service.ts';

const emulated = [
  'https://contoso.sharepoint.com/sites/x',
  'https://CONTOSO.sharepoint.com',
  'https://contoso-my.sharepoint.com/personal/ann_contoso_com/Documents',
  'Ann@Contoso.com',
];
const others = [
  'https://fabrikam.sharepoint.com/sites/x',
  'https://contoso.sharepoint.us/sites/x',
  'https://xcontoso.sharepoint.com',
  'https://fabrikam-my.sharepoint.com/personal/ann_contoso_com',
  'ann@fabrikam.com',
  'ann@xcontoso.com',
];
const signIn = { tenant: 'contoso.com', clientId: 'id' };

test("the emulator serves its own tenant's addresses, and no others", (t) => {
  for (const place of emulated) t.deepEqual(chooseService(place, {}), { kind: 'emulator' }, place);
  for (const place of others) {
    const answer = chooseService(place, {});
    t.true(typeof answer === 'string' && answer.includes(`is needed for ${place}`), place);
  }
});

test('with a sign-in no tenant is emulated', (t) => {
  for (const given of [signIn, { clientSecret: 'secret' }, { proxy: 'http://proxy:8080' }])
    for (const place of [...emulated, ...others])
      t.deepEqual(chooseService(place, given), { kind: 'tenant', signIn: given }, place);
});

test('folders, and what is no location, are served by nobody, and take no sign-in', (t) => {
  for (const place of ['/srv/copy', 'file:///srv/copy', '\\\\server\\share', 'ftp://x', '']) {
    t.deepEqual(chooseService(place, {}), { kind: 'folder' }, place);
    t.deepEqual(chooseService(place, { clientSecret: 'for others' }), { kind: 'folder' }, place);
    const answer = chooseService(place, signIn);
    t.true(typeof answer === 'string' && answer.startsWith('--tenant is for'), place);
  }
});

test('a person is waited for where there is neither secret nor certificate', (t) => {
  t.true(waitsForPerson({ kind: 'tenant', signIn }));
  for (const proof of ['clientSecret', 'clientSecretFile', 'clientCertificateFile'])
    t.false(waitsForPerson({ kind: 'tenant', signIn: { ...signIn, [proof]: 'x' } }), proof);
  t.false(waitsForPerson({ kind: 'emulator' }));
  t.false(waitsForPerson({ kind: 'folder' }));
});
