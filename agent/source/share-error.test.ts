import test from 'ava';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import { isFinalRefusal, shareError } from './share-error.ts';

const at = { share: String.raw`\\files\hr`, user: String.raw`CONTOSO\reader` };
const { SOURCE_SIGN_IN_FAILED, SOURCE_ACCESS_DENIED, SOURCE_NOT_FOUND, SOURCE_READ_FAILED } =
  ErrorReason;

const refusals: [code: number, reason: ErrorReason, words: RegExp, isFinal: boolean][] = [
  [1326, SOURCE_SIGN_IN_FAILED, /the user name or the password is wrong/, true],
  [86, SOURCE_SIGN_IN_FAILED, /the password is wrong/, true],
  [1330, SOURCE_SIGN_IN_FAILED, /expired; set a new one/, true],
  [1907, SOURCE_SIGN_IN_FAILED, /changed before its first use/, true],
  [1331, SOURCE_SIGN_IN_FAILED, /disabled/, false],
  [1909, SOURCE_SIGN_IN_FAILED, /locked/, false],
  [1219, SOURCE_SIGN_IN_FAILED, /as another account already/, false],
  [53, SOURCE_NOT_FOUND, /no server of that name/, false],
  [67, SOURCE_NOT_FOUND, /no share of that name/, false],
  [5, SOURCE_ACCESS_DENIED, /may not read/, false],
  [121, SOURCE_READ_FAILED, /does not answer/, false],
  [1265, SOURCE_SIGN_IN_FAILED, /somebody stands in between/, false],
  [1272, SOURCE_SIGN_IN_FAILED, /guest/, false],
  [1787, SOURCE_SIGN_IN_FAILED, /does not know the computer/, false],
  [1214, SOURCE_NOT_FOUND, /none that the network takes/, false],
  [1225, SOURCE_READ_FAILED, /port 445/, false],
  [4711, SOURCE_READ_FAILED, /the system answered with error 4711/, false],
];
for (const [code, reason, words, isFinal] of refusals)
  test(`error ${code}`, (t) => {
    const error = shareError(code, at);
    t.is(error.reason, reason);
    t.regex(error.message, words);
    t.true(error.message.startsWith(`${at.share} cannot be connected as ${at.user}: `));
    t.true(error.message.endsWith(`(error ${code})`));
    t.is(isFinalRefusal(code), isFinal);
  });
