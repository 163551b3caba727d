// Which Windows account is used for which share: patterns such as \\server\share and \\server\*, the closest first.
import picomatch from 'picomatch';
import type { Location } from '../../lib/location.ts';

/** Who may read a share. */
export interface WindowsAccount {
  /** DOMAIN\user or user@domain. */
  user: string;
  /** A secret. */
  password: string;
}

export interface AccountRule {
  /** \\server\share, in which * and other signs of picomatch stand for names. */
  pattern: string;
  account: WindowsAccount;
}

/** A share as Windows writes it, in lower case: \\server\share. */
export type Share = string;

/** For every share that no other pattern is for. */
export const everyShare = String.raw`\\*\*`;

const patternLengthMax = 512;
const userLengthMax = 320;

/** Whether this is two names, or signs that stand for names, after two backslashes. */
export function isSharePattern(text: string): boolean {
  return text.length <= patternLengthMax && /^\\\\[^\\/\0\s][^\\/\0]*\\[^\\/\0]+$/.test(text);
}

/** Whether this is DOMAIN\user or user@domain. */
export function isWindowsUser(text: string): boolean {
  const isDown = /^[^\\/@\0"[\]:;|=,+*?<>]+\\[^\\/@\0"[\]:;|=,+*?<>]+$/.test(text);
  const isPrincipal = /^[^\\/@\0\s]+@[^\\/@\0\s]+$/.test(text);
  return text.length <= userLengthMax && (isDown || isPrincipal);
}

export function shareOf({ server, share }: Location & { kind: 'unc' }): Share {
  return `\\\\${server}\\${share}`.toLowerCase();
}

/** The account for a share: of the patterns that it fits, the one that says most of it. Undefined when it fits none. */
export function accountFor(
  share: Share,
  rules: readonly AccountRule[],
): WindowsAccount | undefined {
  const fitting = rules.filter(({ pattern }) => fits(pattern, share));
  return fitting.toSorted((one, other) => byWhatTheySay(one.pattern, other.pattern))[0]?.account;
}

/** A name may hold what is a sign in a pattern, such as parentheses. */
function fits(pattern: string, share: Share): boolean {
  if (pattern.toLowerCase() === share) return true;
  const options = { nocase: true, dot: true, windows: false, strictBrackets: false };
  return picomatch.isMatch(slashed(share), slashed(pattern), options);
}

/** Without leading slashes: they say nothing, and picomatch would read them as a root. */
function slashed(text: string): string {
  return text.replace(/^\\\\/, '').replaceAll('\\', '/');
}

/** One without signs first, then the one with more letters that stand for themselves. */
function byWhatTheySay(one: string, other: string): number {
  return weight(other) - weight(one) || (one < other ? -1 : 1);
}

function weight(pattern: string): number {
  const letters = pattern.replaceAll(/[*?[\](){}!+@|]/g, '').length;
  return letters === pattern.length ? Infinity : letters;
}
