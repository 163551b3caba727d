// What Windows says when a share is connected, as reasons and words. Numbers that are about the account are the agent's trouble; those
// about the share or the way to it are the task's.
import { DroverError } from '../../lib/error.ts';
import { ErrorReason } from '../../gen/drover/v1/error_pb.ts';
import type { Share } from './share-pattern.ts';

/** A share that was not connected, with the system's number. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly code: number;

  constructor(code: number) {
    super(`the system answered with error ${code}`);
    this.code = code;
  }
}

interface Refusal {
  reason: ErrorReason;
  words: string;
  /** It will be the same until somebody gives another password: trying it again would lock the account. */
  isFinal?: boolean;
}

const { SOURCE_SIGN_IN_FAILED, SOURCE_ACCESS_DENIED, SOURCE_NOT_FOUND, SOURCE_READ_FAILED } =
  ErrorReason;
const account = (words: string, isFinal = false): Refusal => ({ reason: SOURCE_SIGN_IN_FAILED, words, isFinal }); // oxfmt-ignore
const share = (words: string): Refusal => ({ reason: SOURCE_NOT_FOUND, words });
const way = (words: string): Refusal => ({ reason: SOURCE_READ_FAILED, words });

const refusals: Record<number, Refusal> = {
  5: { reason: SOURCE_ACCESS_DENIED, words: 'the account is known, and may not read the share' },
  51: way('the server is not available at the moment'),
  53: share('no server of that name is found on the network; check the name, and that a firewall lets port 445 through'), // oxfmt-ignore
  54: way('the network is busy'),
  55: share('the share is not available any more'),
  58: way('the server gave an answer that Windows does not understand'),
  59: way('the network failed'),
  64: way('the server ended the connection'),
  65: { reason: SOURCE_ACCESS_DENIED, words: 'the network refuses the account access' },
  66: share('what has that name on the server is no share of files, such as a printer'),
  67: share('the server has no share of that name'),
  71: way('the share takes no more connections at the moment'),
  86: account('the password is wrong', true),
  121: way('the server does not answer in time'),
  384: way('the server speaks the old SMB 1 only, which this computer does not'),
  1203: share('no network provider takes the path; check the name, and that the Workstation service runs'), // oxfmt-ignore
  1208: way('the network provider says that something is wrong, and not what'),
  1214: share('the name is none that the network takes'),
  1219: account('this computer is connected to the server as another account already; use one account for all shares of a server, or end the other connection (net use /delete)'), // oxfmt-ignore
  1222: way('this computer has no network'),
  1225: way('the server refuses the connection; see whether it shares files, and whether a firewall lets port 445 through'), // oxfmt-ignore
  1231: way('the network of the server cannot be reached'),
  1232: way('the server cannot be reached'),
  1240: account('the account may not sign in from this computer'),
  1265: account('what checks the account at the server cannot be reached, or somebody stands in between'), // oxfmt-ignore
  1272: account('the server would take it for a guest, which the rules of this computer forbid; see whether the user is known there'), // oxfmt-ignore
  1311: account('no domain controller can be reached to check the password'),
  1317: account('there is no such account', true),
  1326: account('the user name or the password is wrong', true),
  1327: account('a rule for the account forbids it, such as an empty password or a time of day'),
  1328: account('the account may not sign in at this time of day'),
  1329: account('the account may not sign in from this computer'),
  1330: account('the password has expired; set a new one', true),
  1331: account('the account is disabled'),
  1355: account('the domain of the account does not exist or cannot be reached'),
  1385: account('the account is not given the right to sign in over the network'),
  1396: account('the server is known to the domain by another name; give its full name'),
  1397: account('the two computers cannot prove to each other who they are; check both clocks'),
  1398: account('the clocks of this computer and the domain differ by too much'),
  1787: account('the domain does not know the computer that the share is on, or this one'),
  1788: account('the two domains have lost their trust in each other'),
  1789: account('the domain has lost its trust in this computer'),
  1793: account('the account has expired'),
  1907: account('the password has to be changed before its first use; set a new one', true),
  1908: account('no domain controller of the account is found'),
  1909: account('the account is locked, after too many wrong passwords; unlock it, or wait until it unlocks itself'), // oxfmt-ignore
  2202: account('the user name is not one that Windows takes', true),
  2457: account("the server's clock differs by too much from the domain's"),
};

/** Why a share cannot be read with an account. The password is not known here, so it is in no message. */
export function shareError(code: number, at: { share: Share; user: string }): DroverError {
  const { reason, words } = refusals[code] ?? way(`the system answered with error ${code}`);
  const message = `${at.share} cannot be connected as ${at.user}: ${words} (error ${code})`;
  const metadata = { share: at.share, user: at.user, code: String(code) };
  return new DroverError(reason, message, { metadata });
}

/** Whether the same account and password would be refused again, however long one waits. */
export function isFinalRefusal(code: number): boolean {
  return refusals[code]?.isFinal === true;
}
