import test from 'ava';
import { reasonName } from '../../lib/error.ts';
import { signInError, type SignInTrouble } from './sign-in-error.ts';

const host = 'login.microsoftonline.com';
const none: SignInTrouble = {
  thrown: new Error('post_request_failed'),
  failure: undefined,
  refusal: undefined,
  proxy: undefined,
  secrets: ['s3cret'],
};

const troubles: [trouble: Partial<SignInTrouble>, reason: string, message: string][] = [
  [
    { refusal: { status: 503, host, error: undefined, description: '' } },
    'SIGN_IN_UNREACHABLE',
    `what answers at ${host} is not Entra ID (HTTP status 503); a proxy may stand in between`,
  ],
  [
    {
      refusal: {
        status: 503,
        host,
        error: 'temporarily_unavailable',
        description: 'AADSTS90033: Wait.',
      },
    },
    'SIGN_IN_UNREACHABLE',
    `the sign-in service ${host} does not work at the moment (HTTP status 503): AADSTS90033: Wait.`,
  ],
  [
    {
      refusal: {
        status: 401,
        host,
        error: 'invalid_client',
        description: 'AADSTS7000215: Not s3cret.\r\nTrace ID: 1\r\nTimestamp: 2',
      },
    },
    'SIGN_IN_FAILED',
    "Entra ID refused the sign-in: AADSTS7000215: Not [secret]. (give the secret's value, not its id)",
  ],
  [
    { failure: { host, cause: new Error('wrapped', { cause: { code: 'ENETUNREACH' } }) } },
    'SIGN_IN_UNREACHABLE',
    `the sign-in service ${host} cannot be reached: there is no way to its network`,
  ],
  [
    { failure: { host, cause: { errors: [{ code: 'ECONNREFUSED' }] } }, proxy: 'proxy:1' },
    'SIGN_IN_UNREACHABLE',
    `the sign-in service ${host} cannot be reached through the proxy proxy:1: nothing listens there`,
  ],
  [
    { thrown: Object.assign(new Error('odd, s3cret'), { errorCode: 'odd' }) },
    'SIGN_IN_FAILED',
    'the sign-in to Entra ID failed: odd, [secret]',
  ],
];

for (const [trouble, reason, message] of troubles)
  test(message, (t) => {
    const error = signInError({ ...none, ...trouble });
    t.is(reasonName(error.reason), reason);
    t.is(error.message, message);
  });
