// What every endpoint of sign-in works with.
import type { Exchange } from '../http/exchange.ts';
import type { DeviceCodes } from './device-codes.ts';
import type { Directory } from './directory.ts';
import type { Keys } from './keys.ts';

export interface EntraContext {
  readonly directory: Directory;
  readonly keys: Keys;
  readonly deviceCodes: DeviceCodes;
  readonly tokenLifeSeconds: number;
  /** Where a person types a device's code; undefined when it is the host that the device called. */
  readonly deviceLoginUrl: string | undefined;
  /** Milliseconds since 1970. */
  now(): number;
  /** Scheme and host that the client came by, such as https://login.microsoftonline.com, without a slash. */
  origin(exchange: Exchange): string;
}
