// Parsers of option values, for commander: each refuses a bad value with what would be a good one; commander adds the name
// of the flag or environment variable it came from.
import { InvalidArgumentError } from 'commander';

/** A whole number within a range. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/** An address as host:port; an IPv6 host stands in brackets, port 0 asks for any free one. */
export interface HostPort {
  host: string;
  port: number;
}

export function hostPort(text: string): HostPort {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-fA-F:.%]+)\]|([^:\s/]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host !== undefined && Number(port) <= 65535) return { host, port: Number(port) };
  throw new InvalidArgumentError('It must be host:port, such as 127.0.0.1:7443 or [::1]:7443.');
}

/** An address that can be connected to. */
export function clientAddress(text: string): HostPort {
  const address = hostPort(text);
  if (address.port > 0) return address;
  throw new InvalidArgumentError('The port must be from 1 to 65535.');
}

/** An address as it is written. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** One of a few words. */
export function oneOf<const T extends string>(...words: T[]): (text: string) => T {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    throw new InvalidArgumentError(`It must be one of ${words.join(', ')}.`);
  };
}
